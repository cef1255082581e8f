#!/usr/bin/env bash
# Makes a Pimcore 11 project with Data Hub in /var/www/html and installs the catalog into it; leaves alone what is there.
# Runs once per start of the compose file, in the container `pimcore-setup`.
set -euo pipefail

project=/var/www/html
cd "$project"
secret() { head -n 1 "/run/secrets/$1" | tr -d '\r\n'; }

if [ ! -f composer.json ]; then
    composer create-project --no-interaction --no-install --no-scripts pimcore/skeleton:^11.0 /tmp/skeleton
    cp -a /tmp/skeleton/. .
fi
if [ ! -f vendor/pimcore/data-hub/composer.json ]; then
    # The versions whose answers were recorded.
    composer require --no-interaction --with-all-dependencies pimcore/pimcore:~11.4.1 pimcore/data-hub:~1.8.2 \
        pimcore/admin-ui-classic-bundle:~1.6.1 pimcore/compatibility-bridge-v10:~1.0.0
fi
mkdir -p config/local
cp /opt/pimcore/docker/languages.yaml config/local/languages.yaml

if [ ! -f var/.catalog-installed ]; then
    again=()
    # An earlier attempt was interrupted.
    [ ! -f config/local/database.yaml ] || again=(--ignore-existing-config)
    PIMCORE_INSTALL_ADMIN_USERNAME=admin \
    PIMCORE_INSTALL_ADMIN_PASSWORD=$(secret pimcore_admin_password) \
    PIMCORE_INSTALL_MYSQL_HOST_SOCKET=mariadb \
    PIMCORE_INSTALL_MYSQL_USERNAME=pimcore \
    PIMCORE_INSTALL_MYSQL_PASSWORD=$(secret mariadb_password) \
    PIMCORE_INSTALL_MYSQL_DATABASE=pimcore \
        vendor/bin/pimcore-install --no-interaction "${again[@]}"
    # shellcheck disable=SC2016 # PHP's variables
    php -r '
        $file = "config/bundles.php";
        $bundles = require $file;
        $bundles["Pimcore\\Bundle\\DataHubBundle\\PimcoreDataHubBundle"] = ["all" => true];
        file_put_contents($file, "<?php\n\nreturn " . var_export($bundles, true) . ";\n");
    '
    php bin/console cache:clear
    php bin/console pimcore:bundle:install PimcoreDataHubBundle
    touch var/.catalog-installed
fi
PIMCORE_ROOT=$project PIM_API_KEY_FILE=/run/secrets/pim_api_key /opt/pimcore/install.sh
chown -R www-data:www-data var public
