<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Decision;

/** A version that may be somebody's unpublished work. */
final class Draft
{
    public function __construct(
        public readonly int $id,
        public readonly int $versionCount,
        public readonly int $userId,
        public readonly bool $autoSave,
        public readonly string $note = '',
    ) {
    }
}
