<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Pimcore;

/** Sends one request and waits for its status, for so many milliseconds at most. */
class Post
{
    /** @param list<string> $headers */
    public function send(string $url, array $headers, string $body, int $milliseconds): bool
    {
        $request = curl_init($url);
        if ($request === false) {
            return false;
        }
        curl_setopt_array($request, [
            CURLOPT_POST => true,
            CURLOPT_POSTFIELDS => $body,
            CURLOPT_HTTPHEADER => [...$headers, 'Expect:'],
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTPS | CURLPROTO_HTTP,
            CURLOPT_NOSIGNAL => true,
            CURLOPT_CONNECTTIMEOUT_MS => $milliseconds,
            CURLOPT_TIMEOUT_MS => $milliseconds,
        ]);
        curl_exec($request);
        $status = (int) curl_getinfo($request, CURLINFO_RESPONSE_CODE);
        curl_close($request);

        return $status >= 200 && $status < 300;
    }
}
