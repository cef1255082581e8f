#!/usr/bin/env bash
# Installs the classes, folders and the Data Hub configuration of the catalog into a Pimcore 11 with Data Hub 1.8.
# May be run again at any time: products and people's edits stay.
#
#   PIMCORE_ROOT=/var/www/html PIM_API_KEY_FILE=/run/secrets/pim_api_key ./install.sh [--with-bundle | --without-bundle]
#
#   --with-bundle     also puts platforms/pimcore-bundle into the project (bundles/catalog-relay, one line in config/bundles.php)
#   --without-bundle  takes it out again; without either, it stays as it is
#
# Run it as the user who owns the project's var/ folder; as root it gives what it leaves there to that user. Settings, all
# from the environment:
#   PIMCORE_ROOT      the Pimcore project (default: the current folder)
#   PIM_API_KEY_FILE  file with the key that the pipeline sends, or
#   PIM_API_KEY       the key itself: at least 16 characters. Never given as an argument, so it is in no process list.
#   CATALOG_LANGUAGES the stack's parameter Languages, such as en,ar,pt-BR: those that this Pimcore lacks are added
#   WITH_DELETE=1     also offer the mutations that delete (not needed by the pipeline; a wrong path can then delete a
#                     whole folder, so leave it off in production)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=${PIMCORE_ROOT:-$PWD}

fail() {
    printf 'install.sh: %s\n' "$1" >&2
    exit 1
}

bundle=
case "${1:-}" in
    '') ;;
    --with-bundle) bundle=in ;;
    --without-bundle) bundle=out ;;
    *) fail "unknown option $1: --with-bundle and --without-bundle are there" ;;
esac
[ "$#" -le 1 ] || fail 'one option at most'
source=$here/../../platforms/pimcore-bundle
[ "$bundle" != in ] || [ -f "$source/bundles.php" ] || fail "the bundle is not at $source"

command -v php >/dev/null || fail 'there is no php on PATH'
[ -f "$root/bin/console" ] || fail "no Pimcore project in $root: set PIMCORE_ROOT"
[ -d "$root/var" ] || fail "Pimcore in $root is not installed yet: it has no folder var"
[ -w "$root/var" ] || fail "$(id -un) may not write in $root/var: run this as its owner, $(stat -c %U "$root/var")"
if [ -n "${PIM_API_KEY_FILE:-}" ]; then
    [ -r "$PIM_API_KEY_FILE" ] || fail "cannot read the key from $PIM_API_KEY_FILE"
    PIM_API_KEY=$(head -n 1 "$PIM_API_KEY_FILE" | tr -d '\r\n')
fi
key=${PIM_API_KEY:-}
# Only awk below needs it.
unset PIM_API_KEY
[ "${#key}" -ge 16 ] || fail 'the key needs at least 16 characters: set PIM_API_KEY_FILE or PIM_API_KEY'
case $key in
    *[!A-Za-z0-9._~+/=-]*) fail 'the key may hold letters, digits and . _ ~ + / = - only' ;;
esac

cd "$root"
console() {
    printf -- '- %s\n' "$1" >&2
    php bin/console --no-interaction "$@"
}

php -r '
    require getcwd() . "/vendor/autoload.php";
    exit(class_exists("Pimcore\\Bundle\\DataHubBundle\\PimcoreDataHubBundle") ? 0 : 1);
' || fail 'Data Hub is not installed: composer require pimcore/data-hub:~1.8.2, add it to config/bundles.php, then
bin/console pimcore:bundle:install PimcoreDataHubBundle'

if [ "$(id -u)" = 0 ]; then
    # Pimcore does not run as root, and could not read what root leaves in its caches.
    owner=$(stat -c %u:%g var)
    trap 'chown -R "$owner" var' EXIT
fi

if [ -n "${CATALOG_LANGUAGES:-}" ]; then
    # Lists of several files are joined in one Pimcore and replaced in another; each is seen by a process of its own.
    for way in add all; do
        changed=0
        php "$here/languages.php" "$way" || changed=$?
        [ "$changed" = 0 ] || [ "$changed" = 10 ] || exit 1
        [ "$changed" = 0 ] || console cache:clear
        ! php "$here/languages.php" check 2>/dev/null || break
    done
    php "$here/languages.php" check
fi

php "$here/check.php" before

# Collections first: the product class refers to them.
for name in CatalogImage CatalogAttribute CatalogVariant CatalogPrice CatalogFact; do
    console pimcore:definition:import:fieldcollection --force "$here/definitions/fieldcollection_${name}_export.json"
done
for name in CatalogCategory CatalogProduct; do
    console pimcore:definition:import:class --force "$here/definitions/class_${name}_export.json"
done

php "$here/folders.php"

configuration=catalog-no-delete.yaml
[ "${WITH_DELETE:-0}" = 1 ] && configuration=catalog.yaml
target=var/config/data_hub
mkdir -p "$target"
# The key reaches awk through the environment, not as an argument. Written beside the target and moved, so that nobody
# ever reads half a file; readable for the owner and the group of var/ only.
(
    umask 027
    PIM_API_KEY=$key awk -v place=CHANGE-ME-at-least-16-characters '
        (at = index($0, place)) {
            $0 = substr($0, 1, at - 1) "\047" ENVIRON["PIM_API_KEY"] "\047" substr($0, at + length(place))
            found = 1
        }
        { print }
        END { exit !found }
    ' "$here/datahub/$configuration" >"$target/catalog.yaml.new"
) || fail "no place for the key in $configuration"
chgrp --reference=var "$target/catalog.yaml.new"
mv "$target/catalog.yaml.new" "$target/catalog.yaml"

[ -z "$bundle" ] || php "$here/bundle.php" "$bundle"
if [ "$bundle" = in ]; then
    mkdir -p bundles
    rm -rf bundles/catalog-relay.new
    cp -R "$source" bundles/catalog-relay.new
    rm -rf bundles/catalog-relay.new/tests bundles/catalog-relay.new/phpunit.xml bundles/catalog-relay
    mv bundles/catalog-relay.new bundles/catalog-relay
    chmod -R a+rX bundles/catalog-relay
fi
if ! console cache:clear; then
    [ "$bundle" = in ] || exit 1
    # A project that does not start with it is worse off than one without.
    php "$here/bundle.php" out
    rm -rf bundles/catalog-relay
    console cache:clear
    fail 'Pimcore does not start with the bundle, so it was taken out again; var/log/ and the lines above say why'
fi
[ "$bundle" != out ] || rm -rf bundles/catalog-relay
console pimcore:cache:clear
# After the folders are there: it stores their ids.
console datahub:configuration:rebuild-workspaces
console datahub:graphql:rebuild-definitions
php "$here/check.php" after
printf 'installed: POST /pimcore-graphql-webservices/catalog with header X-API-Key (%s)\n' "$configuration" >&2
