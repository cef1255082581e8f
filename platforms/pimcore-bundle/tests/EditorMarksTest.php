<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Tests;

use CatalogRelay\PimcoreBundle\Decision\FieldValue;
use CatalogRelay\PimcoreBundle\Decision\HiddenDraft;
use CatalogRelay\PimcoreBundle\Pimcore\EditorMarks;
use Pimcore\Logger;
use Pimcore\Model\DataObject\CatalogProduct;
use Pimcore\Model\DataObject\ClassDefinition\Data;
use Pimcore\Model\DataObject\ClassDefinition\Layout;
use Pimcore\Model\DataObject\Rows;
use Pimcore\Store;
use Pimcore\Tool\Admin;
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

    /** What the Shop tab says to a person who opens the product. */
    private static function notes(int $person = 1): string
    {
        return Shop::as($person, static function (): string {
            $layout = new Layout\Panel('pimcore_root', [new Layout\Panel('Shop', [new Data('marketingName')])]);
            [$object, $isDraft] = CatalogProduct::inEditor(Shop::ID, Admin::getCurrentUser()->getId());
            $data = ['layout' => $layout] + ($isDraft ? ['draft' => ['id' => 1]] : []);
            $event = new GenericEvent(null, ['object' => $object, 'data' => $data]);
            (new EditorMarks(''))->mark($event);
            [$shop] = $event->getArgument('data')['layout']->children;

            return $shop->children[0] instanceof Layout\Text ? $shop->children[0]->html : '';
        });
    }

    public function testAHiddenDraftIsToldWithWhatItSaysUntilSomebodyPublishes(): void
    {
        $shop = new Shop(withBundle: false);
        self::assertSame('', self::notes());
        Shop::draft(1, ['marketingName.en' => 'DRAFT <b>TEXT</b> & more', 'prices' => new Rows(['0.01'])]);
        self::assertSame('', self::notes(), 'it is offered');
        $shop->write(['contentHash' => 'new']);
        $told = self::notes(2);
        self::assertStringContainsString('<b>marketingName.en</b>: DRAFT TEXT &amp; more', $told);
        self::assertStringContainsString('publish it under Versions', $told);
        self::assertStringNotContainsString('<b>prices', $told, "the supplier's fields are not the draft's");
        self::assertMatchesRegularExpression('/A draft of \d{4}-\d\d-\d\d \d\d:\d\d UTC/', $told);
        $shop->write(['contentHash' => 'newer']);
        self::assertSame($told, self::notes(2), 'further writes change nothing of it');
        Shop::publish(2, ['marketingName.en' => 'TEXT']);
        self::assertSame('', self::notes());
        $shop->write(['contentHash' => 'newest']);
        self::assertSame('', self::notes(), 'a published text is no draft');
        self::assertSame([], Logger::$lines);
    }

    public function testAnAutosaveIsToldToItsOwnerOnly(): void
    {
        $shop = new Shop(withBundle: false);
        Shop::draft(1, ['marketingName.en' => 'OF ONE'], true);
        $shop->write(['contentHash' => 'new']);
        self::assertStringContainsString('OF ONE', self::notes(1));
        self::assertSame('', self::notes(2));
    }

    public function testWithTheBundleADraftIsKeptAndSoNothingIsTold(): void
    {
        $shop = new Shop();
        Shop::draft(1, ['marketingName.en' => 'DRAFT TEXT']);
        $shop->write(['contentHash' => 'new']);
        self::assertSame('', self::notes());
    }

    public function testADraftThatCannotBeReadLeavesTheEditorAsItIs(): void
    {
        $shop = new Shop(withBundle: false);
        Shop::draft(1, ['marketingName.en' => 'DRAFT TEXT']);
        $shop->write(['contentHash' => 'new']);
        Store::$versions[1]->data = null;
        self::assertSame('', self::notes());
    }

    public function testManyAndLongFieldsAreCutAndOthersNamed(): void
    {
        $field = static fn (string $name, mixed $value, ?string $print): FieldValue => new FieldValue($name, null, $value, $print);
        $many = array_map(static fn (int $n): FieldValue => $field("field$n", str_repeat('x', 400), 'x'), range(1, 12));
        $told = HiddenDraft::html(0, $many);
        self::assertStringContainsString('and 2 fields more', $told);
        self::assertStringNotContainsString(str_repeat('x', 300), $told);
        $told = HiddenDraft::html(0, [$field('extraCategories', [1], 'list'), $field('shopVisibility', '', ''), $field('keepWhenWithdrawn', true, 'value 1')]);
        self::assertStringContainsString('<b>extraCategories</b><br>', $told);
        self::assertStringContainsString('<b>shopVisibility</b>: nothing', $told);
        self::assertStringContainsString('<b>keepWhenWithdrawn</b>: true', $told);
        self::assertSame('', HiddenDraft::html(0, []));
    }
}
