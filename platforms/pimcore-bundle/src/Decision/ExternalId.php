<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Decision;

/** External ids: of two that the database takes for one, the later has digits behind its source. */
final class ExternalId
{
    /** `source:id` of `source~04672c35:id`; anything else as it is. */
    public static function plain(string $found): string
    {
        return preg_replace('/^([a-z0-9-]{1,32})~[0-9a-f]{8}:/', '$1:', $found) ?? $found;
    }
}
