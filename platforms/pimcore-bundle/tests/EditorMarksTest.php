<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Tests;

use CatalogRelay\PimcoreBundle\Pimcore\EditorMarks;
use Pimcore\Logger;
use Pimcore\Model\DataObject\CatalogProduct;
use Pimcore\Model\DataObject\ClassDefinition\Data;
use Pimcore\Model\DataObject\ClassDefinition\Layout;
use PHPUnit\Framework\TestCase;
use Symfony\Component\EventDispatcher\GenericEvent;

final class EditorMarksTest extends TestCase
{
    public function testSuppliersFieldsAreMarkedForThisAnswerOnlyAndTheDeskIsLinked(): void
    {
        $shop = new Shop();
        $brand = new Data('brand');
        $brand->title = 'Brand';
        $shop = new Layout\Panel('Shop', [new Data('marketingName')]);
        $layout = new Layout\Panel('pimcore_root', [new Layout\Panel('Source', [new Layout('Identity', [$brand])]), $shop]);
        $event = new GenericEvent(null, ['object' => CatalogProduct::getById(Shop::ID), 'data' => ['layout' => $layout, 'general' => 1]]);
        (new EditorMarks('https://desk.example/product?id="'))->mark($event);
        $data = $event->getArgument('data');
        self::assertSame(1, $data['general']);
        [$source, $people] = $data['layout']->children;
        self::assertSame('Brand · from the supplier', $source->children[0]->children[0]->title);
        self::assertStringContainsString('next import', $source->children[0]->children[0]->tooltip);
        self::assertStringContainsString('href="https://desk.example/product?id=&quot;s%3A10"', $people->children[0]->html);
        self::assertSame('', $people->children[1]->title);
        self::assertSame('Brand', $brand->title, 'the class definition of the process is untouched');
        self::assertCount(1, $shop->children);
    }

    public function testWhatIsNotUnderstoodIsLeftAlone(): void
    {
        $shop = new Shop();
        foreach ([[], ['layout' => null], ['layout' => (object) []], null] as $data) {
            $event = new GenericEvent(null, ['object' => CatalogProduct::getById(Shop::ID), 'data' => $data]);
            (new EditorMarks(''))->mark($event);
            self::assertEquals($data, $event->getArgument('data'));
        }
        self::assertSame([], Logger::$lines);
    }
}
