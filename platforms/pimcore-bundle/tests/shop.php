<?php
// One product, people and the pipeline, around the fake Pimcore.

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Tests;

use CatalogRelay\PimcoreBundle\Pimcore\DraftKeeper;
use CatalogRelay\PimcoreBundle\Pimcore\Notifier;
use CatalogRelay\PimcoreBundle\Pimcore\OpenSaves;
use CatalogRelay\PimcoreBundle\Pimcore\PipelineRequest;
use CatalogRelay\PimcoreBundle\Pimcore\Post;
use CatalogRelay\PimcoreBundle\Pimcore\SaveGuard;
use Pimcore\Bundle\DataHubBundle\Event\GraphQL\Model\ExecutorEvent;
use Pimcore\Model\DataObject\CatalogProduct;
use Pimcore\Model\DataObject\Rows;
use Pimcore\Model\User;
use Pimcore\Model\Version;
use Pimcore\Store;
use Pimcore\Tool\Admin;
use PHPUnit\Framework\TestCase;
use Symfony\Component\HttpFoundation\Request;

/** What was sent, and how the endpoint answered. */
final class Sink extends Post
{
    /** @var list<array{string, list<string>, string, int}> */
    public array $sent = [];

    public bool $works = true;

    public function send(string $url, array $headers, string $body, int $milliseconds): bool
    {
        $this->sent[] = [$url, $headers, $body, $milliseconds];

        return $this->works;
    }
}

final class Shop
{
    public const ID = 10;
    public const PATH = '/catalog/products/p10';

    public readonly PipelineRequest $request;
    public readonly Sink $sink;
    public readonly Notifier $notifier;
    public readonly string $stateFile;

    private static self $last;

    public function __construct(bool $withBundle = true, string $secret = 'a secret of the stack')
    {
        self::$last = $this;
        $saves = new OpenSaves();
        $this->request = new PipelineRequest();
        $this->sink = new Sink();
        $this->stateFile = sys_get_temp_dir() . '/catalog-relay-test-' . bin2hex(random_bytes(6));
        $this->notifier = new Notifier($saves, $this->sink, 'https://stack.example/people', $secret, $this->stateFile);
        Store::reset(...($withBundle ? [new SaveGuard($saves, $this->request), new DraftKeeper($saves), $this->notifier] : []));
        Store::$rows[self::ID] = [
            'id' => self::ID,
            'modificationDate' => 1_700_000_000,
            'versionCount' => 2,
            'published' => true,
            'fields' => [
                'externalId' => 's:10', 'contentHash' => 'old', 'prices' => new Rows(['19.90']), 'name.en' => 'Pot', 'name.fr' => null,
                'marketingName.en' => 'PUBLISHED', 'extraCategories' => [], 'shopVisibility' => 'inherit',
            ],
        ];
    }

    public function __destruct()
    {
        @unlink($this->stateFile);
    }

    public static function row(string $field): mixed
    {
        return Store::$rows[self::ID]['fields'][$field] ?? null;
    }

    public static function date(): int
    {
        return Store::$rows[self::ID]['modificationDate'];
    }

    /** @param callable(): mixed $act */
    public static function as(int $user, callable $act): mixed
    {
        return self::inAnotherProcess(new User($user, "person $user"), $act);
    }

    /** Every request has its own user, transaction, switch for versions, and knowledge of what it was asked. */
    private static function inAnotherProcess(?User $user, callable $act): mixed
    {
        $kept = [Admin::$user, Version::$disabled, Store::$snapshot];
        [Admin::$user, Version::$disabled, Store::$snapshot] = [$user, false, null];
        $expectation = new \ReflectionProperty(PipelineRequest::class, 'expectation');
        $asked = $expectation->getValue(self::$last->request);
        $expectation->setValue(self::$last->request, null);
        try {
            return $act();
        } finally {
            [Admin::$user, Version::$disabled, Store::$snapshot] = $kept;
            $expectation->setValue(self::$last->request, $asked);
        }
    }

    /** @param array<string, mixed> $fields */
    public static function draft(int $user, array $fields, bool $autoSave = false): void
    {
        self::as($user, static function () use ($user, $fields, $autoSave): void {
            [$object] = CatalogProduct::inEditor(self::ID, $user);
            $object->fields = $fields + $object->fields;
            $object->setUserModification($user);
            $object->saveVersion(true, true, null, $autoSave);
        });
    }

    /** Presses "Save & Publish" with those fields changed. @param array<string, mixed> $fields */
    public static function publish(int $user, array $fields = []): void
    {
        self::as($user, static function () use ($user, $fields): void {
            [$object] = CatalogProduct::inEditor(self::ID, $user);
            $object->fields = $fields + $object->fields;
            $object->setUserModification($user);
            $object->save();
        });
    }

    /** What a person sees who opens the product now. */
    public static function editor(string $field, int $user = 1): mixed
    {
        return CatalogProduct::inEditor(self::ID, $user)[0]->fields[$field] ?? null;
    }

    public static function banner(int $user = 1): bool
    {
        return CatalogProduct::inEditor(self::ID, $user)[1];
    }

    /**
     * One update of the pipeline, as Data Hub carries it out.
     *
     * @param array<string, mixed> $fields
     * @param callable|null $afterRead what happens between reading the object and its save
     */
    public function write(array $fields, ?int $expected = null, ?callable $afterRead = null, bool $omitVersion = true, bool $announce = true): void
    {
        $body = ['query' => 'mutation { … }', 'variables' => []];
        if ($announce) {
            $body['extensions'] = ['catalogRelay' => ['read' => [self::PATH => $expected ?? self::date()]]];
        }
        self::inAnotherProcess(null, function () use ($body, $fields, $afterRead, $omitVersion): void {
            $this->request->begin(new ExecutorEvent(new Request(json_encode($body, JSON_THROW_ON_ERROR)), ['clientname' => 'catalog']));
            $object = CatalogProduct::getById(self::ID);
            $object->fields = $fields + $object->fields;
            $afterRead === null ?: $afterRead();
            Version::$disabled = $omitVersion;
            $object->save();
            TestCase::assertSame($omitVersion, Version::$disabled, 'the switch for versions is as it was');
            $this->request->end();
        });
    }

    /** @return list<Version> */
    public static function carried(): array
    {
        return array_values(array_filter(Store::$versions, static fn (Version $v): bool => str_starts_with($v->note, 'draft, carried')));
    }
}
