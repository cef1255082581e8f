<?php
// Makes the folders of the catalog if they are not there. Run from the root of a Pimcore project: php folders.php
// Stock Pimcore has no console command for folders; Data Hub's permissions need them, because they store the folders' ids.

declare(strict_types=1);

use Pimcore\Bootstrap;
use Pimcore\Model\DataObject;
use Pimcore\Model\DataObject\Folder;

require getcwd() . '/vendor/autoload.php';

Bootstrap::setProjectRoot();
Bootstrap::startupCli();

$parent = DataObject::getById(1);
foreach (['/catalog', '/catalog/products', '/catalog/categories'] as $path) {
    $there = DataObject::getByPath($path);
    if ($there === null) {
        $folder = new Folder();
        $folder->setParent(DataObject::getByPath(dirname($path)) ?? $parent);
        $folder->setKey(basename($path));
        $folder->save();
        echo "made the folder $path\n";
    } elseif (!$there instanceof Folder) {
        fwrite(STDERR, "$path is there, but as an element of type {$there->getType()}, not as a folder: rename it and start again\n");
        exit(1);
    }
}
