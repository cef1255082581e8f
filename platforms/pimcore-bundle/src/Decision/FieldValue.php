<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Decision;

/** One value of an object: where it belongs, what it is, and a text that is equal for equal values. */
final class FieldValue
{
    /** @param string|null $fingerprint null: cannot be compared, so it counts as different from everything */
    public function __construct(
        public readonly string $field,
        public readonly ?string $language,
        public readonly mixed $value,
        public readonly ?string $fingerprint,
    ) {
    }

    public function place(): string
    {
        return $this->language === null ? $this->field : $this->field . '.' . $this->language;
    }

    public function equals(?self $other): bool
    {
        return $other !== null && $this->fingerprint !== null && $this->fingerprint === $other->fingerprint;
    }
}
