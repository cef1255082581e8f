<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Decision;

/** What people did in one request, as it is told. A notice names an object; it says nothing about its fields. */
final class Notices
{
    /** More in one request are not told one by one: the pipeline then compares. */
    public const MOST = 200;

    /** @var array<string, array<string, mixed>> */
    private array $notices = [];

    private bool $more = false;

    /**
     * @param array<string, mixed> $arguments of Pimcore's event
     * @param bool|null $wasPublished before the save, if that is known
     */
    public static function what(array $arguments, ?bool $wasPublished, bool $isPublished): string
    {
        return match (true) {
            (bool) ($arguments['saveVersionOnly'] ?? false) => ($arguments['isAutoSave'] ?? false) ? 'autosave' : 'draft',
            (bool) ($arguments['isRecycleBinRestore'] ?? false) => 'restore',
            isset($arguments['oldPath']) => 'move',
            $wasPublished === null || $wasPublished === $isPublished => 'save',
            default => $isPublished ? 'publish' : 'unpublish',
        };
    }

    /**
     * The last word about an object and a kind of act counts: a restore saves twice, and the first time it has no external id.
     *
     * @param array<string, mixed> $facts
     */
    public function add(string $what, int $id, int $at, array $facts): void
    {
        $place = $id . ' ' . $what;
        if (!isset($this->notices[$place]) && count($this->notices) >= self::MOST) {
            $this->more = true;

            return;
        }
        unset($this->notices[$place]);
        $this->notices[$place] = ['what' => $what, 'id' => $id, 'at' => $at] + array_filter($facts, static fn (mixed $fact): bool => $fact !== null);
    }

    /** The body to send, and nothing left; null if there is nothing to tell. */
    public function take(string $messageId): ?string
    {
        if ($this->notices === []) {
            return null;
        }
        $body = ['message' => $messageId, 'notices' => array_values($this->notices), 'more' => $this->more];
        $this->notices = [];
        $this->more = false;

        return json_encode($body, JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
    }
}
