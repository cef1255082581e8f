<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Decision;

/** `t=SECONDS,v1=HEX`: HMAC-SHA256 over the seconds, a full stop, and the body as it is sent. */
final class Signature
{
    public const HEADER = 'X-Catalog-Signature';

    /** So many seconds a signature may be old or ahead. */
    public const WINDOW = 300;

    public static function header(string $secret, int $now, string $body): string
    {
        return sprintf('t=%d,v1=%s', $now, hash_hmac('sha256', $now . '.' . $body, $secret));
    }

    /**
     * What a receiver does. Several `v1` may be there while a secret is changed, and several secrets may be accepted.
     *
     * @param list<string> $secrets
     */
    public static function holds(string $header, array $secrets, int $now, string $body): bool
    {
        $time = null;
        $given = [];
        foreach (explode(',', $header) as $part) {
            [$name, $value] = explode('=', trim($part), 2) + ['', ''];
            if ($name === 't' && preg_match('/^[0-9]{1,12}$/D', $value) === 1) {
                $time = (int) $value;
            } elseif ($name === 'v1') {
                $given[] = $value;
            }
        }
        if ($time === null || abs($now - $time) > self::WINDOW) {
            return false;
        }
        $found = false;
        foreach ($secrets as $secret) {
            $right = hash_hmac('sha256', $time . '.' . $body, $secret);
            foreach ($given as $one) {
                $found = ($secret !== '' && hash_equals($right, $one)) || $found;
            }
        }

        return $found;
    }
}
