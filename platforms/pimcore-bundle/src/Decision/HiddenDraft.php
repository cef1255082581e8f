<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Decision;

/** A draft that the editor does not offer any more, in words for the editor. */
final class HiddenDraft
{
    private const FIELDS = 10;
    private const LETTERS = 300;

    /**
     * The newest version that the person may see: an autosave is its owner's alone.
     *
     * @param iterable<Draft> $versions newest first
     */
    public static function newest(iterable $versions, ?int $person): ?Draft
    {
        foreach ($versions as $version) {
            if (!$version->autoSave || $version->userId === $person) {
                return $version;
            }
        }

        return null;
    }

    /**
     * @param list<FieldValue> $theirs people's fields of the draft that say something else than the object
     *
     * @return string empty if it has nothing of its own: then nothing of it is hidden
     */
    public static function html(int $date, array $theirs): string
    {
        if ($theirs === []) {
            return '';
        }
        $lines = array_map(self::line(...), array_slice($theirs, 0, self::FIELDS));
        $more = count($theirs) - count($lines);

        return sprintf(
            '<p>A draft of %s UTC was never published, and is not shown here any more. It says<br>%s%s<br>'
            . 'To have it back, publish it under Versions: prices and other fields of the supplier stay as they are now.</p>',
            gmdate('Y-m-d H:i', $date),
            implode('<br>', $lines),
            $more > 0 ? "<br>and $more fields more" : '',
        );
    }

    private static function line(FieldValue $value): string
    {
        $says = match (true) {
            is_string($value->value) && $value->value !== '' => ': ' . mb_strimwidth(strip_tags($value->value), 0, self::LETTERS, '…'),
            is_scalar($value->value) && $value->value !== '' => ': ' . json_encode($value->value),
            $value->fingerprint === '' => ': nothing',
            default => '',
        };

        return '<b>' . self::escaped($value->place()) . '</b>' . self::escaped($says);
    }

    private static function escaped(string $text): string
    {
        return htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE);
    }
}
