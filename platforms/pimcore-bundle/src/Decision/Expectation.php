<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Decision;

/**
 * What a request of the pipeline says that it read: `{"extensions": {"catalogRelay": {"read": {"/catalog/products/a": 1764237600}}}}`.
 *
 * Data Hub passes over members that it does not know, so the pipeline says it to every Pimcore.
 */
final class Expectation
{
    /** @param array<string, int> $read */
    private function __construct(private readonly array $read)
    {
    }

    /** Null if the request says nothing of the kind. */
    public static function of(string $body): ?self
    {
        // Almost every request of others ends here, unparsed.
        if (!str_contains($body, '"catalogRelay"')) {
            return null;
        }
        $said = json_decode($body, true, 64);
        $read = is_array($said) ? ($said['extensions']['catalogRelay']['read'] ?? null) : null;

        return is_array($read) ? new self(array_filter($read, is_int(...))) : null;
    }

    public function at(string $path): ?int
    {
        return $this->read[$path] ?? null;
    }
}
