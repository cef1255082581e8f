<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Tests;

use CatalogRelay\PimcoreBundle\Decision\Draft;
use CatalogRelay\PimcoreBundle\Decision\DraftSelection;
use CatalogRelay\PimcoreBundle\Decision\Expectation;
use CatalogRelay\PimcoreBundle\Decision\ExternalId;
use CatalogRelay\PimcoreBundle\Decision\FieldOwnership;
use CatalogRelay\PimcoreBundle\Decision\FieldValue;
use CatalogRelay\PimcoreBundle\Decision\Merge;
use CatalogRelay\PimcoreBundle\Decision\Notices;
use CatalogRelay\PimcoreBundle\Decision\RowState;
use CatalogRelay\PimcoreBundle\Decision\SaveDecision;
use CatalogRelay\PimcoreBundle\Decision\SendBudget;
use CatalogRelay\PimcoreBundle\Decision\Signature;
use CatalogRelay\PimcoreBundle\Decision\Writer;
use PHPUnit\Framework\TestCase;

final class DecisionTest extends TestCase
{
    /** The class model is generated from one table; a field added there must be somebody's here. */
    public function testOwnershipIsThatOfTheClassModel(): void
    {
        foreach (['CatalogProduct', 'CatalogCategory'] as $class) {
            $file = __DIR__ . "/../../../localstack/pimcore/definitions/class_{$class}_export.json";
            $definition = json_decode((string) file_get_contents($file), true, 512, JSON_THROW_ON_ERROR);
            $suppliers = [];
            $walk = static function (array $node, ?string $tab) use (&$walk, &$suppliers): void {
                $tab = in_array($node['name'] ?? null, ['Source', 'Shop'], true) ? $node['name'] : $tab;
                if (($node['datatype'] ?? '') === 'data' && $node['name'] !== 'localizedfields') {
                    $tab === 'Source' && $suppliers[] = $node['name'];

                    return;
                }
                foreach ($node['children'] ?? [] as $child) {
                    $walk($child, $tab);
                }
            };
            $walk($definition['layoutDefinitions'], null);
            $known = FieldOwnership::suppliersFields($class);
            sort($known);
            sort($suppliers);
            self::assertSame($suppliers, $known, $class);
        }
    }

    public function testASuppliersFieldInAThirdLanguageIsPeoples(): void
    {
        self::assertTrue(FieldOwnership::isSuppliers('CatalogProduct', 'name', 'ar'));
        self::assertFalse(FieldOwnership::isSuppliers('CatalogProduct', 'name', 'fr'));
        FieldOwnership::inLanguages(['en', 'ar', 'fr']);
        self::assertTrue(FieldOwnership::isSuppliers('CatalogProduct', 'name', 'fr'));
        FieldOwnership::inLanguages(['en', 'ar']);
        self::assertFalse(FieldOwnership::isSuppliers('CatalogProduct', 'ownField'));
        self::assertFalse(FieldOwnership::covers('SomethingElse'));
        self::assertFalse(FieldOwnership::covers(null));
    }

    public function testADraftGivesItsOwnSidesFieldsAndOnlyThoseThatDiffer(): void
    {
        $value = static fn (string $field, ?string $language, ?string $text): FieldValue => new FieldValue($field, $language, $text, $text);
        $written = [$value('name', 'en', 'Pot'), $value('name', 'fr', 'a'), $value('marketingName', 'en', 'old'), $value('shopVisibility', null, 'inherit')];
        $draft = [$value('name', 'en', 'CHANGED'), $value('name', 'fr', 'b'), $value('marketingName', 'en', 'new'), $value('shopVisibility', null, 'inherit')];
        $places = static fn (array $values): array => array_map(static fn (FieldValue $one): string => $one->place(), $values);
        self::assertSame(['name.fr', 'marketingName.en'], $places(Merge::ofDraft('CatalogProduct', $written, $draft)));
        self::assertSame(['name.en'], $places(Merge::ofOldSave('CatalogProduct', $draft, $written)));
        self::assertSame([], Merge::ofDraft('CatalogProduct', $written, $written));
        $opaque = static fn (): FieldValue => new FieldValue('ownField', null, new \stdClass(), null);
        self::assertCount(1, Merge::ofDraft('CatalogProduct', [$opaque()], [$opaque()]), 'what cannot be compared is kept');
    }

    public function testOfSavedDraftsTheNewestIsCarriedAndOfAutosavesEachPersons(): void
    {
        $versions = [new Draft(9, 9, 2, true), new Draft(5, 5, 1, false), new Draft(6, 6, 2, false), new Draft(4, 7, 1, true), new Draft(8, 8, 1, true)];
        $ids = static fn (array $drafts): array => array_map(static fn (Draft $draft): int => $draft->id, $drafts);
        self::assertSame([6, 8, 9], $ids(DraftSelection::toCarry($versions, null)));
        self::assertSame([], DraftSelection::toCarry([new Draft(1, 3, 0, false)], 3), 'the version of the write itself is no draft');
        self::assertSame([], DraftSelection::toCarry([], null));
    }

    public function testOnlyOurOwnCopiesMayGo(): void
    {
        self::assertTrue(DraftSelection::mayGo(new Draft(1, 1, 1, false, DraftSelection::NOTE)));
        self::assertFalse(DraftSelection::mayGo(new Draft(1, 1, 1, false, 'before the sale')));
        self::assertFalse(DraftSelection::mayGo(new Draft(1, 1, 1, true, DraftSelection::NOTE)));
    }

    public function testAnOlderStateIsRefusedToThePipelineAndCompletedForAPerson(): void
    {
        $row = new RowState(100, 3);
        $older = [new RowState(99, 3), new RowState(100, 2), new RowState(101, 3)];
        self::assertSame(SaveDecision::Proceed, SaveDecision::of(Writer::Pipeline, $row, new RowState(100, 3), 100));
        self::assertSame(SaveDecision::Proceed, SaveDecision::of(Writer::Pipeline, $row, new RowState(100, 3), null));
        self::assertSame(SaveDecision::Refuse, SaveDecision::of(Writer::Pipeline, $row, new RowState(100, 3), 99));
        self::assertSame(SaveDecision::Proceed, SaveDecision::of(Writer::Person, $row, new RowState(100, 3), null));
        foreach ($older as $read) {
            self::assertSame(SaveDecision::Refuse, SaveDecision::of(Writer::Pipeline, $row, $read, 100));
            self::assertSame(SaveDecision::KeepSuppliers, SaveDecision::of(Writer::Person, $row, $read, null));
            self::assertSame(SaveDecision::Proceed, SaveDecision::of(Writer::Other, $row, $read, null));
        }
    }

    public function testDatesOnlyGrow(): void
    {
        self::assertSame(105, SaveDecision::date(105, new RowState(100, 1)));
        self::assertSame(101, SaveDecision::date(100, new RowState(100, 1)));
        self::assertSame(108, SaveDecision::date(100, new RowState(107, 1)), 'also when the clock was put back');
    }

    public function testWhatTheRequestReadIsTakenFromWhereDataHubDoesNotLook(): void
    {
        $body = static fn (mixed $extensions): string => json_encode(['query' => 'q', 'extensions' => $extensions], JSON_THROW_ON_ERROR);
        $said = Expectation::of($body(['catalogRelay' => ['read' => ['/a' => 5, '/b' => 'no number']]]));
        self::assertSame(5, $said?->at('/a'));
        self::assertNull($said->at('/b'));
        self::assertNull($said->at('/c'));
        self::assertNotNull(Expectation::of($body(['catalogRelay' => ['read' => []]])), 'it understands conflicts all the same');
        foreach (['', '{', '"catalogRelay"', $body(null), $body(['catalogRelay' => null]), $body(['catalogRelay' => ['read' => 5]]), '{"query":"\"catalogRelay\""}'] as $other) {
            self::assertNull(Expectation::of($other), $other);
        }
    }

    /** The same vectors hold for every receiver. */
    public function testSignaturesAreThoseOfTheVectors(): void
    {
        $vectors = json_decode((string) file_get_contents(__DIR__ . '/signatures.json'), true, 16, JSON_THROW_ON_ERROR);
        self::assertGreaterThan(8, count($vectors));
        foreach ($vectors as $vector) {
            $holds = Signature::holds($vector['header'], $vector['secrets'], $vector['now'], $vector['body']);
            self::assertSame($vector['holds'], $holds, $vector['case']);
        }
        $first = $vectors[0];
        self::assertSame($first['header'], Signature::header($first['secrets'][0], $first['now'], $first['body']));
    }

    public function testSendingIsBoundedAndPausesAfterFailures(): void
    {
        self::assertSame(500, SendBudget::next(0, 0));
        self::assertSame(490, SendBudget::next(1, 10));
        self::assertSame(0, SendBudget::next(2, 10), 'two tries');
        self::assertSame(0, SendBudget::next(1, 301), 'too little is left');
        $budget = new SendBudget();
        $pauses = [];
        for ($n = 0; $n < 12; ++$n) {
            $budget = $budget->after(false, 1000);
            $pauses[] = $budget->notBefore - 1000;
        }
        self::assertSame([2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300], $pauses);
        self::assertFalse($budget->open(1299));
        self::assertTrue($budget->open(1300));
        self::assertTrue($budget->open(10), 'a clock put back');
        self::assertEquals($budget, SendBudget::read($budget->kept()));
        foreach (['', 'x', '[]', '{"failures":-1,"notBefore":"a"}'] as $broken) {
            self::assertEquals(new SendBudget(), SendBudget::read($broken));
        }
        self::assertEquals(new SendBudget(), $budget->after(true, 5));
    }

    public function testWhatPeopleDidHasAName(): void
    {
        self::assertSame('draft', Notices::what(['saveVersionOnly' => true], true, true));
        self::assertSame('autosave', Notices::what(['saveVersionOnly' => true, 'isAutoSave' => true], true, true));
        self::assertSame('restore', Notices::what(['isRecycleBinRestore' => true], null, true));
        self::assertSame('move', Notices::what(['oldPath' => '/a'], true, true));
        self::assertSame('publish', Notices::what([], false, true));
        self::assertSame('unpublish', Notices::what([], true, false));
        self::assertSame('save', Notices::what([], true, true));
        self::assertSame('save', Notices::what([], null, true));
    }

    /** The same body holds for the receiver (`functions/pimcore-notices/src/notice.rs`). */
    public function testWhatIsSentIsWhatTheReceiverReads(): void
    {
        $notices = new Notices();
        $facts = static fn (string $class, ?string $externalId, int $user): array => [
            'class' => $class, 'externalId' => $externalId, 'path' => '/catalog/products/demo-1', 'oldPath' => null, 'user' => ['id' => $user, 'name' => 'ann'],
        ];
        $notices->add('save', 7, 1764237600, $facts('CatalogProduct', ExternalId::plain('demo~04672c35:1'), 4));
        $notices->add('delete', 7, 1764237601, $facts('CatalogProduct', 'demo:1', 4));
        $notices->add('restore', 8, 1764237602, $facts('CatalogProduct', 'demo:2', 5));
        $notices->add('draft', 9, 1764237603, $facts('CatalogProduct', 'demo:3', 5));
        $notices->add('save', 10, 1764237604, $facts('CatalogCategory', 'demo:4', 5));
        $notices->add('save', 11, 1764237605, $facts('CatalogProduct', '', 5));
        self::assertSame(trim((string) file_get_contents(__DIR__ . '/notices.json')), $notices->take('0123456789abcdef0123456789abcdef'));
    }

    public function testARequestTellsEachActOnceAndNeverMoreThanItMay(): void
    {
        $notices = new Notices();
        $notices->add('restore', 7, 1, ['externalId' => null]);
        $notices->add('restore', 7, 2, ['externalId' => 's:7']);
        self::assertSame(
            '{"message":"m","notices":[{"what":"restore","id":7,"at":2,"externalId":"s:7"}],"more":false}',
            $notices->take('m'),
        );
        self::assertNull($notices->take('m'));
        for ($id = 0; $id <= Notices::MOST; ++$id) {
            $notices->add('delete', $id, 1, ['path' => "a\xff"]);
        }
        $told = json_decode((string) $notices->take('m'), true, 16, JSON_THROW_ON_ERROR);
        self::assertCount(Notices::MOST, $told['notices']);
        self::assertTrue($told['more']);
    }

    public function testAnExternalIdThatWasKeptApartIsThePlainOne(): void
    {
        $plain = array_map(ExternalId::plain(...), ['s:10', 's~04672c35:AB:1', 's~04672c35', 'S~04672c35:1', 's~0467:1', '']);
        self::assertSame(['s:10', 's:AB:1', 's~04672c35', 'S~04672c35:1', 's~0467:1', ''], $plain);
    }
}
