<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Decision;

/**
 * Which drafts a write has hidden, and which of them have to be offered again.
 *
 * Pimcore offers the newest version that is newer than the object: a saved draft of anybody, or one's own autosave. A later draft was
 * begun from the earlier one, so only the newest saved draft counts; of autosaves there is one for each person.
 */
final class DraftSelection
{
    /** Begins the note of every version that was carried over; people see it in the versions tab. */
    public const NOTE = 'draft, carried over an import';

    /**
     * @param iterable<Draft> $versions those with a higher count than the object had before the write
     * @param int|null $own count of the version that the write itself made, if it made one
     *
     * @return list<Draft> in the order in which they were made
     */
    public static function toCarry(iterable $versions, ?int $own): array
    {
        $saved = null;
        $autoSaves = [];
        foreach ($versions as $version) {
            if (!$version->autoSave && $version->versionCount === $own) {
                continue;
            }
            if ($version->autoSave) {
                $held = $autoSaves[$version->userId] ?? null;
                if ($held === null || $version->versionCount >= $held->versionCount) {
                    $autoSaves[$version->userId] = $version;
                }
            } elseif ($saved === null || $version->versionCount >= $saved->versionCount) {
                $saved = $version;
            }
        }
        $carried = [...($saved === null ? [] : [$saved]), ...array_values($autoSaves)];
        usort($carried, static fn (Draft $a, Draft $b): int => [$a->versionCount, $a->id] <=> [$b->versionCount, $b->id]);

        return $carried;
    }

    /** Whether a version may go once its successor is there: only a copy of ours, never what a person saved. */
    public static function mayGo(Draft $carried): bool
    {
        return !$carried->autoSave && str_starts_with($carried->note, self::NOTE);
    }
}
