<?php
// What config/bundles.php of the project takes in when install.sh has put the bundle there without composer.

declare(strict_types=1);

spl_autoload_register(static function (string $class): void {
    $prefix = 'CatalogRelay\\PimcoreBundle\\';
    if (str_starts_with($class, $prefix)) {
        $file = __DIR__ . '/src/' . strtr(substr($class, strlen($prefix)), '\\', '/') . '.php';
        if (is_file($file)) {
            require_once $file;
        }
    }
});

return [CatalogRelay\PimcoreBundle\CatalogRelayBundle::class => ['all' => true]];
