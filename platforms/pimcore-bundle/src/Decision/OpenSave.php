<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Decision;

/** A save on its way, from before its transaction until its listeners have run. */
final class OpenSave
{
    /** The object's row as it was locked; null until then, and for an object that had none. */
    public ?RowState $row = null;

    public function __construct(public readonly Writer $writer, public readonly RowState $read, public readonly bool $restore)
    {
    }
}
