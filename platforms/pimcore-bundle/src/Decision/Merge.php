<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Decision;

/** What has to be taken over from one state of an object into another so that each keeps its own side's fields. */
final class Merge
{
    /**
     * People's fields of a draft that say something else than what was just written. None: the draft has nothing of its own.
     *
     * @param iterable<FieldValue> $written
     * @param iterable<FieldValue> $draft
     *
     * @return list<FieldValue>
     */
    public static function ofDraft(string $class, iterable $written, iterable $draft): array
    {
        return self::differing($written, $draft, static fn (FieldValue $value): bool => !FieldOwnership::isSuppliers($class, $value->field, $value->language));
    }

    /**
     * The supplier's fields as they stand now, where a save that was prepared from an older state would put old ones back.
     *
     * @param iterable<FieldValue> $saving what is about to be saved
     * @param iterable<FieldValue> $standing what is in the database
     *
     * @return list<FieldValue>
     */
    public static function ofOldSave(string $class, iterable $saving, iterable $standing): array
    {
        return self::differing($saving, $standing, static fn (FieldValue $value): bool => FieldOwnership::isSuppliers($class, $value->field, $value->language));
    }

    /**
     * @param iterable<FieldValue> $into
     * @param iterable<FieldValue> $from
     * @param callable(FieldValue): bool $wanted
     *
     * @return list<FieldValue>
     */
    private static function differing(iterable $into, iterable $from, callable $wanted): array
    {
        $there = [];
        foreach ($into as $value) {
            $there[$value->place()] = $value;
        }
        $taken = [];
        foreach ($from as $value) {
            if ($wanted($value) && !$value->equals($there[$value->place()] ?? null)) {
                $taken[] = $value;
            }
        }

        return $taken;
    }
}
