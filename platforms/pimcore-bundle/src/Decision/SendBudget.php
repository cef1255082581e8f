<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Decision;

/**
 * How long notifications may hold a worker: half a second in all, a second try only if the first failed at once, and none at all for a
 * while after failures. What is not sent is found by the change feed and the comparison.
 */
final class SendBudget
{
    /** Milliseconds for everything. */
    public const TOTAL = 500;

    /** A second try needs at least so many milliseconds. */
    public const LEAST = 200;

    private const LONGEST_PAUSE = 300;

    public function __construct(public readonly int $failures = 0, public readonly int $notBefore = 0)
    {
    }

    public static function read(string $kept): self
    {
        $kept = json_decode($kept, true);
        $number = static fn (mixed $value): int => is_int($value) && $value >= 0 ? $value : 0;

        return is_array($kept) ? new self($number($kept['failures'] ?? 0), $number($kept['notBefore'] ?? 0)) : new self();
    }

    public function kept(): string
    {
        return json_encode(['failures' => $this->failures, 'notBefore' => $this->notBefore], JSON_THROW_ON_ERROR);
    }

    /** Whether to send at all. A clock that was put back does not silence it for longer than the longest pause. */
    public function open(int $now): bool
    {
        return $now >= $this->notBefore || $this->notBefore - $now > self::LONGEST_PAUSE;
    }

    /** Milliseconds that the next try may take; 0: no further one. */
    public static function next(int $tries, int $spent): int
    {
        $left = self::TOTAL - $spent;

        return $tries < 2 && $left >= self::LEAST ? $left : 0;
    }

    public function after(bool $sent, int $now): self
    {
        if ($sent) {
            return new self();
        }
        $failures = min($this->failures + 1, 16);

        return new self($failures, $now + min(2 ** $failures, self::LONGEST_PAUSE));
    }
}
