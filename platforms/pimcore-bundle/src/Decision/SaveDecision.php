<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Decision;

/** What becomes of a save, decided while the object's row is locked. */
enum SaveDecision
{
    /** It was prepared from what stands there. */
    case Proceed;
    /** It was not: the pipeline has to look again. */
    case Refuse;
    /** It was not, and a person made it: theirs is saved, the supplier's fields stay as they stand. */
    case KeepSuppliers;

    /** How a refusal begins; the pipeline knows it by this. */
    public const CONFLICT = 'catalog conflict:';

    /**
     * @param RowState $row as it is locked
     * @param RowState $read as the object in memory was read
     * @param int|null $expected the modification date that the pipeline decided upon
     */
    public static function of(Writer $writer, RowState $row, RowState $read, ?int $expected): self
    {
        $asRead = $read->sameSave($row);

        return match ($writer) {
            Writer::Pipeline => $asRead && ($expected === null || $expected === $row->modificationDate) ? self::Proceed : self::Refuse,
            Writer::Person => $asRead ? self::Proceed : self::KeepSuppliers,
            Writer::Other => self::Proceed,
        };
    }

    public static function message(string $path, RowState $row, RowState $read, ?int $expected): string
    {
        return sprintf(
            '%s %s was saved at %d (version %d); this write was prepared from %d (version %d)',
            self::CONFLICT,
            $path,
            $row->modificationDate,
            $row->versionCount,
            $expected ?? $read->modificationDate,
            $read->versionCount,
        );
    }

    /** The date of a save: now, but later than the save before it, so that two saves never look the same. */
    public static function date(int $now, RowState $row): int
    {
        return max($now, $row->modificationDate + 1);
    }
}
