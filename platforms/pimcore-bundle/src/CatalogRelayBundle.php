<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle;

use CatalogRelay\PimcoreBundle\Decision\FieldOwnership;
use Symfony\Component\DependencyInjection\ContainerBuilder;
use Symfony\Component\DependencyInjection\Loader\Configurator\ContainerConfigurator;
use Symfony\Component\HttpKernel\Bundle\AbstractBundle;

/** Lets people and the pipeline work on the same products. It has no table and needs no installer. */
final class CatalogRelayBundle extends AbstractBundle
{
    public function getPath(): string
    {
        return dirname(__DIR__);
    }

    public function boot(): void
    {
        $languages = $this->container?->getParameter('catalog_relay.languages');
        if (is_array($languages)) {
            FieldOwnership::inLanguages(array_values(array_map(strval(...), $languages)));
        }
    }

    /** @param array<mixed> $config */
    public function loadExtension(array $config, ContainerConfigurator $container, ContainerBuilder $builder): void
    {
        $container->import($this->getPath() . '/config/services.yaml');
    }
}
