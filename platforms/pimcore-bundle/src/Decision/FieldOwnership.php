<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Decision;

/** Whose a field is. The pipeline's fields are listed; every other one, also one that a shop adds to the class, is people's. */
final class FieldOwnership
{
    /**
     * The languages that the pipeline writes. Its fields in any other language are people's.
     *
     * @var list<string>
     */
    private static array $languages = ['en', 'ar'];

    private const SUPPLIERS = [
        'CatalogProduct' => [
            'externalId', 'source', 'sku', 'groupId', 'brand', 'url', 'name', 'description', 'categories', 'images', 'attributes', 'variants', 'prices',
            'facts', 'contentHash', 'sourceVersion', 'feedRun', 'warnings', 'importedAt', 'withdrawn',
        ],
        'CatalogCategory' => ['externalId', 'name', 'slug'],
    ];

    /**
     * As the project is configured; in Pimcore's spelling (`pt_BR`).
     *
     * @param list<string> $languages
     */
    public static function inLanguages(array $languages): void
    {
        self::$languages = $languages;
    }

    /** Whether the pipeline and people share objects of this class. */
    public static function covers(?string $class): bool
    {
        return isset(self::SUPPLIERS[$class ?? '']);
    }

    /** Whether the pipeline writes the field; `$language` of a localized one. */
    public static function isSuppliers(string $class, string $field, ?string $language = null): bool
    {
        return in_array($field, self::SUPPLIERS[$class] ?? [], true) && ($language === null || in_array($language, self::$languages, true));
    }

    /** @return list<string> */
    public static function suppliersFields(string $class): array
    {
        return self::SUPPLIERS[$class] ?? [];
    }
}
