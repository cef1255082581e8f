<?php
// What has to be so in a Pimcore project for the catalog to work, and cannot be made so from here. Run from its root:
//   php check.php before    stops where the classes would be installed in vain
//   php check.php after     says whether Data Hub knows the configuration

declare(strict_types=1);

use Pimcore\Bootstrap;
use Pimcore\Bundle\DataHubBundle\Configuration;
use Pimcore\Tool;

require getcwd() . '/vendor/autoload.php';

Bootstrap::setProjectRoot();
Bootstrap::startupCli();

$fail = static function (string $message): never {
    fwrite(STDERR, "check.php: $message\n");
    exit(1);
};

if (($argv[1] ?? '') === 'before') {
    // The fields of localized input are made from the languages; a request that names another is refused as a whole.
    $missing = array_diff(['en', 'ar'], Tool::getValidLanguages());
    if ($missing !== []) {
        $fail('Pimcore lacks the language ' . implode(' and ', $missing)
            . ': add it to pimcore.general.valid_languages (docker/languages.yaml shows how), clear the cache, start again');
    }
    $settings = Pimcore::getContainer()->getParameter('pimcore_data_hub');
    if ($settings['graphql']['output_cache_enabled'] ?? false) {
        $fail('Data Hub answers from its output cache, so the pipeline would decide on what Pimcore held some time ago:'
            . ' set pimcore_data_hub.graphql.output_cache_enabled to false, clear the cache, start again');
    }
    if (trim((string) getenv('CATALOG_LANGUAGES')) !== '' && !($settings['graphql']['allow_introspection'] ?? true)) {
        $fail('Data Hub does not tell the pipeline which languages there are:'
            . ' set pimcore_data_hub.graphql.allow_introspection to true, clear the cache, start again');
    }
} elseif (($argv[1] ?? '') === 'after') {
    $configuration = Configuration::getByName('catalog');
    if ($configuration === null || !$configuration->isActive()) {
        $fail('Data Hub does not find the configuration var/config/data_hub/catalog.yaml. If this project keeps its configurations elsewhere'
            . ' (pimcore_data_hub.config_location, PIMCORE_WRITE_TARGET_DATA_HUB), import the file there and start again');
    }
} else {
    $fail('say before or after');
}
