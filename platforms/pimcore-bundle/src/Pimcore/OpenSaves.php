<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Pimcore;

use CatalogRelay\PimcoreBundle\Decision\OpenSave;

/** The saves that are on their way in this process, by object; a listener of somebody else may save within a save. */
final class OpenSaves
{
    /** @var array<int, list<OpenSave>> */
    private array $saves = [];

    public function begin(int $object, OpenSave $save): void
    {
        $this->saves[$object][] = $save;
    }

    public function of(int $object): ?OpenSave
    {
        $saves = $this->saves[$object] ?? [];

        return $saves === [] ? null : $saves[array_key_last($saves)];
    }

    public function end(int $object): void
    {
        array_pop($this->saves[$object]);
        if ($this->saves[$object] === []) {
            unset($this->saves[$object]);
        }
    }
}
