<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Pimcore;

use CatalogRelay\PimcoreBundle\Decision\FieldValue;
use Pimcore\Model\DataObject;
use Pimcore\Model\DataObject\ClassDefinition\Data\CalculatedValue;
use Pimcore\Model\DataObject\ClassDefinition\Data\Localizedfields;
use Pimcore\Model\DataObject\ClassDefinition\Data\ReverseObjectRelation;
use Pimcore\Model\DataObject\Concrete;
use Pimcore\Model\Element\ElementInterface;
use Pimcore\Tool;

/** An object's fields as plain values, and back. */
final class ObjectFields
{
    /**
     * Every field in every language, without fallbacks.
     *
     * @return list<FieldValue>
     */
    public static function of(Concrete $object): array
    {
        $values = [];
        foreach ($object->getClass()->getFieldDefinitions() as $name => $definition) {
            if ($definition instanceof CalculatedValue || $definition instanceof ReverseObjectRelation) {
                continue;
            }
            if ($definition instanceof Localizedfields) {
                $container = $object->{'get' . ucfirst((string) $name)}();
                foreach (array_keys($definition->getFieldDefinitions()) as $child) {
                    foreach (Tool::getValidLanguages() as $language) {
                        $value = $container?->getLocalizedValue($child, $language, true);
                        $values[] = new FieldValue((string) $child, $language, $value, self::fingerprint($value));
                    }
                }
            } else {
                $value = $object->{'get' . ucfirst((string) $name)}();
                $values[] = new FieldValue((string) $name, null, $value, self::fingerprint($value));
            }
        }

        return $values;
    }

    /**
     * What a version holds. Everything of it was read with it: nothing may be looked up in the tables, which hold the published state.
     *
     * @return list<FieldValue>
     */
    public static function ofVersion(Concrete $object): array
    {
        foreach ($object->getClass()->getFieldDefinitions() as $name => $definition) {
            if ($definition instanceof Localizedfields) {
                $object->{'get' . ucfirst((string) $name)}()?->setLoadedAllLazyData();
            }
        }

        return self::of($object);
    }

    /** @param list<FieldValue> $values */
    public static function put(Concrete $object, array $values): void
    {
        foreach ($values as $value) {
            $arguments = $value->language === null ? [$value->value] : [$value->value, $value->language];
            $object->{'set' . ucfirst($value->field)}(...$arguments);
        }
    }

    /**
     * Runs `work` while relations to unpublished categories are read, too: without them a copy would lose them.
     *
     * @template T
     *
     * @param callable(): T $work
     *
     * @return T
     */
    public static function whole(callable $work): mixed
    {
        $hidden = DataObject::getHideUnpublished();
        DataObject::setHideUnpublished(false);
        try {
            return $work();
        } finally {
            DataObject::setHideUnpublished($hidden);
        }
    }

    private static function fingerprint(mixed $value): ?string
    {
        if ($value === null || $value === '' || $value === false || $value === []) {
            return '';
        }
        if (is_scalar($value)) {
            return 'value ' . (string) $value;
        }
        if ($value instanceof \DateTimeInterface) {
            return 'time ' . $value->getTimestamp();
        }
        if ($value instanceof ElementInterface) {
            return 'element ' . $value::class . ' ' . $value->getId();
        }
        if (is_array($value)) {
            $prints = array_map(self::fingerprint(...), $value);

            return in_array(null, $prints, true) ? null : 'list ' . json_encode($prints, JSON_INVALID_UTF8_SUBSTITUTE);
        }

        return null;
    }
}
