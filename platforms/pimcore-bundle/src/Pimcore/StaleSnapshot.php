<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Pimcore;

use Doctrine\DBAL\Exception\RetryableException;

/** The transaction began to read before somebody else's save ended: Pimcore rolls it back and begins it anew, up to five times. */
final class StaleSnapshot extends \Exception implements RetryableException
{
}
