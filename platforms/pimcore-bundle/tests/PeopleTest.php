<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Tests;

use CatalogRelay\PimcoreBundle\Decision\Signature;
use Pimcore\Bundle\DataHubBundle\Event\GraphQL\Model\ExecutorEvent;
use Pimcore\Bundle\DataHubBundle\Event\GraphQL\Model\ExecutorResultEvent;
use Pimcore\Cache;
use Pimcore\Cache\RuntimeCache;
use Pimcore\Logger;
use Pimcore\Model\DataObject;
use Pimcore\Model\DataObject\CatalogCategory;
use Pimcore\Model\DataObject\CatalogProduct;
use Pimcore\Model\DataObject\Rows;
use Pimcore\Model\Element\ValidationException;
use Pimcore\Model\Version;
use Pimcore\Store;
use PHPUnit\Framework\TestCase;
use Symfony\Component\HttpFoundation\Request;

final class PeopleTest extends TestCase
{
    /** What the fake Pimcore does by itself, as the real one was seen to do: without this, nothing below would show anything. */
    public function testWithoutTheBundleAWriteHidesTheDraftAndASimultaneousSaveIsLost(): void
    {
        $shop = new Shop(withBundle: false);
        Shop::draft(1, ['marketingName.en' => 'DRAFT TEXT']);
        self::assertSame('DRAFT TEXT', Shop::editor('marketingName.en'));
        $shop->write(['contentHash' => 'new']);
        self::assertSame('PUBLISHED', Shop::editor('marketingName.en'));
        self::assertCount(1, Store::$versions, 'it is still listed');
        $shop->write(['contentHash' => 'newer'], afterRead: static fn () => Shop::publish(1, ['marketingName.en' => 'TEXT']));
        self::assertSame('PUBLISHED', Shop::row('marketingName.en'));
    }

    /** @return array<string, array{bool, bool}> */
    public function kinds(): array
    {
        return ['draft' => [false, true], 'autosave' => [true, true], 'draft, with a version' => [false, false], 'autosave, with a version' => [true, false]];
    }

    /** @dataProvider kinds */
    public function testADraftSurvivesWritesWithItsTextTheirPriceAndItsBanner(bool $autoSave, bool $omitVersion): void
    {
        $shop = new Shop();
        Shop::draft(1, ['marketingName.en' => 'DRAFT TEXT', 'name.fr' => 'Marmite', 'ownField' => 'mine'], $autoSave);
        for ($n = 1; $n <= 4; ++$n) {
            $shop->write(['contentHash' => "hash $n", 'prices' => new Rows(["$n.00"])], omitVersion: $omitVersion);
            self::assertSame('DRAFT TEXT', Shop::editor('marketingName.en'));
            self::assertSame('Marmite', Shop::editor('name.fr'), 'a third language is people\'s');
            self::assertSame('mine', Shop::editor('ownField'));
            self::assertSame(["$n.00"], Shop::editor('prices')->rows);
            self::assertTrue(Shop::banner());
        }
        self::assertSame('PUBLISHED', Shop::row('marketingName.en'));
        self::assertCount(1, Shop::carried(), 'copies do not pile up');
        Shop::publish(1);
        self::assertSame('DRAFT TEXT', Shop::row('marketingName.en'));
        self::assertSame('hash 4', Shop::row('contentHash'));
        self::assertSame(['4.00'], Shop::row('prices')->rows);
        self::assertFalse(Shop::banner(), 'also within the same second');
        self::assertSame([], Logger::$lines);
    }

    public function testWhatAPersonSavedStaysInTheVersionsTabAsItWas(): void
    {
        $shop = new Shop();
        Shop::draft(1, ['marketingName.en' => 'FIRST']);
        Shop::draft(1, ['marketingName.en' => 'SECOND']);
        $shop->write(['contentHash' => 'new']);
        $shop->write(['contentHash' => 'newer']);
        $texts = array_map(static fn (Version $v): string => $v->data->fields['marketingName.en'], array_values(Store::$versions));
        self::assertSame(['FIRST', 'SECOND', 'SECOND'], $texts);
        self::assertSame(1, Shop::carried()[0]->userId, 'it is still that person\'s');
    }

    public function testSeveralPeopleKeepTheirOwnDrafts(): void
    {
        $shop = new Shop();
        Shop::draft(1, ['marketingName.en' => 'OF ONE'], true);
        Shop::draft(2, ['marketingName.en' => 'OF TWO'], true);
        Shop::draft(3, ['marketingName.en' => 'SAVED BY THREE']);
        $shop->write(['contentHash' => 'new']);
        self::assertSame('SAVED BY THREE', Shop::editor('marketingName.en', 1), 'the newest that one may see, as before the write');
        self::assertSame('SAVED BY THREE', Shop::editor('marketingName.en', 9));
        Shop::draft(2, ['marketingName.en' => 'OF TWO, LATER'], true);
        $shop->write(['contentHash' => 'newer']);
        self::assertSame('OF TWO, LATER', Shop::editor('marketingName.en', 2));
        self::assertSame('SAVED BY THREE', Shop::editor('marketingName.en', 1));
    }

    public function testADraftThatTouchesASuppliersFieldKeepsOnlyItsOwnSide(): void
    {
        $shop = new Shop();
        Shop::draft(1, ['marketingName.en' => 'DRAFT TEXT', 'prices' => new Rows(['0.01']), 'name.en' => 'MINE']);
        $shop->write(['contentHash' => 'new', 'prices' => new Rows(['25.50']), 'name.en' => 'Better pot']);
        self::assertSame(['25.50'], Shop::editor('prices')->rows);
        self::assertSame('Better pot', Shop::editor('name.en'));
        self::assertSame('DRAFT TEXT', Shop::editor('marketingName.en'));
    }

    public function testADraftThatSaysNothingOfItsOwnIsNotCarried(): void
    {
        $shop = new Shop();
        Store::$rows[Shop::ID]['fields']['extraCategories'] = [new CatalogCategory(5)];
        Shop::draft(1, ['extraCategories' => [new CatalogCategory(5)], 'ownField' => '']);
        $shop->write(['contentHash' => 'new']);
        self::assertSame([], Shop::carried());
        self::assertFalse(Shop::banner());
    }

    public function testADraftBegunWhileTheWriteIsOnItsWayIsKept(): void
    {
        $shop = new Shop();
        Store::$beforeLock[] = static fn () => Shop::draft(1, ['marketingName.en' => 'IN BETWEEN']);
        $shop->write(['contentHash' => 'new']);
        self::assertSame('IN BETWEEN', Shop::editor('marketingName.en'));
        self::assertSame('new', Shop::editor('contentHash'));
    }

    public function testUnpublishedCategoriesOfADraftAreNotLostOnTheWay(): void
    {
        $shop = new Shop();
        Shop::draft(1, ['extraCategories' => [new CatalogCategory(5), new CatalogCategory(6, published: false)]]);
        DataObject::setHideUnpublished(true);
        $shop->write(['contentHash' => 'new']);
        self::assertTrue(DataObject::getHideUnpublished(), 'as it was');
        self::assertCount(2, Shop::editor('extraCategories'));
    }

    public function testWhatAPersonPublishesSupersedesDraftsAsInAnyPimcore(): void
    {
        $shop = new Shop();
        Shop::draft(2, ['marketingName.en' => 'OF TWO'], true);
        Shop::publish(1, ['marketingName.en' => 'TEXT']);
        $shop->write(['contentHash' => 'new']);
        self::assertSame([], Shop::carried());
        self::assertSame('TEXT', Shop::editor('marketingName.en', 2));
    }

    public function testNothingThatGoesWrongWithADraftFailsTheWrite(): void
    {
        $shop = new Shop();
        Shop::draft(1, ['marketingName.en' => 'UNREADABLE']);
        Shop::draft(2, ['marketingName.en' => 'READABLE'], true);
        Store::$versions[1]->data = null;
        $shop->write(['contentHash' => 'new']);
        self::assertSame('new', Shop::row('contentHash'));
        self::assertSame('READABLE', Shop::editor('marketingName.en', 2), 'the others are carried');
        self::assertStringContainsString('was not carried over', implode("\n", Logger::$lines));
        Store::$broken = true;
        $shop->write(['contentHash' => 'newer']);
        self::assertSame('newer', Shop::row('contentHash'), 'a guard that cannot look stands aside');
    }

    public function testACopyThatIsScheduledOrSharedStays(): void
    {
        $shop = new Shop();
        Shop::draft(1, ['marketingName.en' => 'DRAFT TEXT']);
        $shop->write(['contentHash' => '1']);
        Shop::carried()[0]->scheduled = true;
        $shop->write(['contentHash' => '2']);
        self::assertCount(2, Shop::carried());
        Shop::carried()[1]->public = true;
        $shop->write(['contentHash' => '3']);
        self::assertCount(3, Shop::carried());
    }

    public function testAWritePreparedFromAnOlderStateIsRefusedAndLeavesNothing(): void
    {
        $shop = new Shop();
        $read = Shop::date();
        Shop::publish(1, ['marketingName.en' => 'TEXT']);
        foreach ([$read => null, Shop::date() => static fn () => Shop::publish(1, ['marketingName.en' => 'TEXT 2'])] as $expected => $afterRead) {
            try {
                $shop->write(['contentHash' => 'new'], $expected, $afterRead);
                self::fail('it was written');
            } catch (ValidationException $refused) {
                self::assertStringStartsWith('catalog conflict: ' . Shop::PATH . ' was saved at ', $refused->getMessage());
            }
            self::assertSame('old', Shop::row('contentHash'));
        }
        self::assertSame('TEXT 2', Shop::row('marketingName.en'));
        self::assertContains('object_10', Cache::$cleared, 'the next look is no look into a cache');
        self::assertNull(RuntimeCache::$set['object_10']);
        $shop->write(['contentHash' => 'new']);
        self::assertSame(['new', 'TEXT 2'], [Shop::row('contentHash'), Shop::row('marketingName.en')]);
    }

    /** Wherever the person's save falls, nobody's work is lost. */
    public function testSimultaneousSavesLoseNeitherTextNorPrice(): void
    {
        $price = static fn (): Rows => new Rows(['25.50']);
        $person = static fn (): mixed => Shop::publish(1, ['marketingName.en' => 'TEXT']);
        $shop = new Shop();
        // The person saves while the pipeline's transaction waits for the row.
        Store::$beforeLock[] = $person;
        $tries = 0;
        do {
            ++$tries;
            try {
                $shop->write(['contentHash' => 'new', 'prices' => $price(), 'name.en' => 'Better pot']);
                break;
            } catch (ValidationException) {
            }
        } while ($tries < 3);
        self::assertSame(2, $tries);
        self::assertSame(['TEXT', 'new', 'Better pot'], [Shop::row('marketingName.en'), Shop::row('contentHash'), Shop::row('name.en')]);

        // The pipeline saves after the person's request has read: before its transaction, and while it waits.
        $shop = new Shop();
        Shop::as(1, static function () use ($shop, $price): void {
            $object = CatalogProduct::getById(Shop::ID);
            $object->fields['marketingName.en'] = 'TEXT';
            $shop->write(['contentHash' => 'new', 'prices' => $price()]);
            Store::$beforeLock[] = static fn () => $shop->write(['contentHash' => 'newer', 'name.en' => 'Better pot']);
            $object->save();
        });
        self::assertSame(['TEXT', 'newer', 'Better pot'], [Shop::row('marketingName.en'), Shop::row('contentHash'), Shop::row('name.en')]);
        self::assertSame(['25.50'], Shop::row('prices')->rows);
    }

    public function testAnOldVersionPublishedByHandBringsBackNoOldPrice(): void
    {
        $shop = new Shop();
        Shop::publish(1, ['marketingName.en' => 'FIRST']);
        Shop::publish(1, ['marketingName.en' => 'SECOND']);
        $shop->write(['contentHash' => 'new', 'prices' => new Rows(['25.50'])]);
        Shop::as(1, static fn () => Store::$versions[1]->loadData()->save());
        self::assertSame(['FIRST', 'new', ['25.50']], [Shop::row('marketingName.en'), Shop::row('contentHash'), Shop::row('prices')->rows]);
    }

    public function testAPersonWhoEditsASuppliersFieldOfTheNewestStateIsHeard(): void
    {
        $shop = new Shop();
        Shop::publish(1, ['prices' => new Rows(['11.11'])]);
        self::assertSame(['11.11'], Shop::row('prices')->rows, 'it stays until the feed changes that product, as in any Pimcore');
    }

    public function testARestoreBringsBackTheWholeObject(): void
    {
        $shop = new Shop();
        $lying = CatalogProduct::getById(Shop::ID);
        // The bin saves an empty object with the same number first.
        Shop::as(1, static function () use ($lying): void {
            $empty = clone $lying;
            $empty->fields = [];
            $empty->save(['isRecycleBinRestore' => true]);
            $lying->save(['isRecycleBinRestore' => true]);
        });
        self::assertSame(['old', 'PUBLISHED'], [Shop::row('contentHash'), Shop::row('marketingName.en')]);
    }

    public function testARequestThatSaysNothingIsNeitherRefusedNorCompleted(): void
    {
        $shop = new Shop();
        $shop->write(['contentHash' => 'new'], afterRead: static fn () => Shop::publish(1, ['marketingName.en' => 'TEXT']), announce: false);
        self::assertSame('new', Shop::row('contentHash'));
    }

    public function testTwoSavesOfOneSecondHaveTwoDates(): void
    {
        $shop = new Shop();
        $dates = [];
        for ($n = 0; $n < 5; ++$n) {
            $n % 2 ? Shop::publish(1, ['marketingName.en' => "$n"]) : $shop->write(['contentHash' => "$n"]);
            $dates[] = Shop::date();
        }
        self::assertCount(5, array_unique($dates));
        self::assertLessThan(6, end($dates) - time());
    }

    public function testPeoplesActsAreToldOnceSignedAfterTheAnswerAndThePipelinesAreNot(): void
    {
        $shop = new Shop();
        Shop::draft(1, ['marketingName.en' => 'DRAFT TEXT']);
        Shop::publish(1);
        Shop::as(1, static function (): void {
            $object = CatalogProduct::getById(Shop::ID);
            $object->published = false;
            $object->save();
            Store::dispatch(new \Pimcore\Event\Model\DataObjectEvent($object), 'pimcore.dataobject.postDelete');
        });
        $shop->write(['contentHash' => 'new']);
        self::assertSame([], $shop->sink->sent, 'nothing before the answer');
        $shop->notifier->send();
        $shop->notifier->send();
        self::assertCount(1, $shop->sink->sent);
        [$url, $headers, $body, $milliseconds] = $shop->sink->sent[0];
        self::assertSame('https://stack.example/people', $url);
        self::assertLessThanOrEqual(500, $milliseconds);
        self::assertStringStartsWith('X-Catalog-Signature: t=', $headers[1]);
        $signature = substr($headers[1], strlen('X-Catalog-Signature: '));
        self::assertTrue(Signature::holds($signature, ['a secret of the stack'], time(), $body));
        $told = json_decode($body, true, 16, JSON_THROW_ON_ERROR)['notices'];
        self::assertSame(['draft', 'save', 'unpublish', 'delete'], array_column($told, 'what'));
        self::assertSame(['s:10'], array_unique(array_column($told, 'externalId')));
        self::assertSame(['id' => 1, 'name' => 'person 1'], $told[0]['user']);
        self::assertStringNotContainsString('DRAFT TEXT', $body);
    }

    public function testAnEndpointThatIsDownIsTriedTwiceAndThenLeftAlone(): void
    {
        $shop = new Shop();
        $shop->sink->works = false;
        for ($n = 0; $n < 5; ++$n) {
            Shop::publish(1, ['marketingName.en' => "$n"]);
            $shop->notifier->send();
        }
        self::assertCount(2, $shop->sink->sent);
        self::assertCount(5, Logger::$lines);
    }

    public function testWithoutASecretNothingIsSent(): void
    {
        $shop = new Shop(secret: '');
        Shop::publish(1, ['marketingName.en' => 'TEXT']);
        $shop->notifier->send();
        self::assertSame([], $shop->sink->sent);
    }

    public function testThePipelineIsToldThatDraftsAreKeptAndNobodyElse(): void
    {
        $shop = new Shop();
        $answer = static function (array $body) use ($shop): ?array {
            $result = new class () {
                public ?array $extensions = null;
            };
            $shop->request->begin(new ExecutorEvent(new Request(json_encode($body, JSON_THROW_ON_ERROR)), ['clientname' => 'catalog']));
            $shop->request->end(new ExecutorResultEvent($result));

            return $result->extensions;
        };
        $ours = ['query' => 'mutation { … }', 'extensions' => ['catalogRelay' => ['read' => new \stdClass()]]];
        self::assertNull($answer(['query' => '{ … }']));
        self::assertSame(['catalogRelay' => ['keepsDrafts' => true]], $answer($ours));
        self::assertNull($answer(['query' => '{ … }']), 'the next one is another request');
        $shop->request->end(new ExecutorResultEvent(new \stdClass()));
        self::assertSame([], Logger::$lines, 'a result without a place for it is left alone');
    }
}
