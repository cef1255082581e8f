<?php

declare(strict_types=1);

require __DIR__ . '/../bundles.php';
require __DIR__ . '/pimcore.php';
require __DIR__ . '/shop.php';
