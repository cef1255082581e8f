<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Decision;

/** How far an object was when somebody read it: seconds of its last save, and the count of its versions. */
final class RowState
{
    public function __construct(
        public readonly int $modificationDate,
        public readonly int $versionCount,
        public readonly bool $published = true,
    ) {
    }

    public function sameSave(self $other): bool
    {
        return $this->modificationDate === $other->modificationDate && $this->versionCount === $other->versionCount;
    }
}
