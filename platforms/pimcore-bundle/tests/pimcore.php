<?php
// As much of Pimcore 11.4 as the listeners touch, in memory: rows and versions, a save with its events, lock and snapshot, drafts.
// Written after what was seen of a real one; the rules that matter here stand beside their code.

declare(strict_types=1);

namespace Symfony\Component\EventDispatcher {
    interface EventSubscriberInterface
    {
    }
    final class GenericEvent
    {
        public function __construct(public mixed $subject, private array $arguments)
        {
        }
        public function getArgument(string $name): mixed
        {
            return $this->arguments[$name];
        }
        public function setArgument(string $name, mixed $value): void
        {
            $this->arguments[$name] = $value;
        }
    }
}

namespace Symfony\Component\HttpKernel {
    final class KernelEvents
    {
        public const TERMINATE = 'kernel.terminate';
    }
}

namespace Symfony\Component\Console {
    final class ConsoleEvents
    {
        public const TERMINATE = 'console.terminate';
    }
}

namespace Symfony\Component\HttpFoundation {
    final class Request
    {
        public function __construct(private string $body)
        {
        }
        public function getContent(): string
        {
            return $this->body;
        }
    }
}

namespace Doctrine\DBAL\Exception {
    interface RetryableException extends \Throwable
    {
    }
}

namespace Pimcore {
    final class Logger
    {
        /** @var list<string> */
        public static array $lines = [];
        public static function error(string $line): void
        {
            self::$lines[] = $line;
        }
        public static function warning(string $line): void
        {
            self::$lines[] = $line;
        }
    }
    final class Tool
    {
        public static function getValidLanguages(): array
        {
            return ['en', 'ar', 'fr'];
        }
    }
    final class Cache
    {
        /** @var list<string> */
        public static array $cleared = [];
        public static function clearTags(array $tags): void
        {
            array_push(self::$cleared, ...$tags);
        }
    }
    final class Db
    {
        public static function get(): self
        {
            return new self();
        }
        /** With a lock the newest row is read, whatever the transaction saw before; without one, what stood when it began. */
        public function fetchAssociative(string $query, array $values): array|false
        {
            if (Store::$broken) {
                throw new \RuntimeException('the database is away');
            }
            if (str_contains($query, 'FOR UPDATE')) {
                $meanwhile = array_shift(Store::$beforeLock);
                $meanwhile === null ?: $meanwhile();

                return Store::$rows[$values[0]] ?? false;
            }

            return (Store::$snapshot ?? Store::$rows)[$values[0]] ?? false;
        }
    }
    /** The tables, and what the tests let happen in between. */
    final class Store
    {
        /** @var array<int, array<string, mixed>> */
        public static array $rows = [];
        /** @var array<int, array<string, mixed>>|null */
        public static ?array $snapshot = null;
        /** @var array<int, Model\Version> */
        public static array $versions = [];
        /** @var list<\Closure> */
        public static array $beforeLock = [];
        public static bool $broken = false;
        /** @var list<object> */
        public static array $listeners = [];

        public static function reset(object ...$listeners): void
        {
            self::$rows = self::$versions = self::$beforeLock = [];
            self::$snapshot = null;
            self::$broken = false;
            self::$listeners = $listeners;
            Logger::$lines = Cache::$cleared = [];
            Model\Version::$disabled = false;
            Model\DataObject::$hidden = false;
            Tool\Admin::$user = null;
        }

        public static function dispatch(object $event, string $name): void
        {
            $calls = [];
            foreach (self::$listeners as $listener) {
                $wanted = $listener::getSubscribedEvents()[$name] ?? null;
                if ($wanted !== null) {
                    [$method, $priority] = (array) $wanted + [1 => 0];
                    $calls[] = [$priority, $listener, $method];
                }
            }
            usort($calls, static fn (array $a, array $b): int => $b[0] <=> $a[0]);
            foreach ($calls as [, $listener, $method]) {
                $listener->$method($event);
            }
        }
    }
}

namespace Pimcore\Cache {
    final class RuntimeCache
    {
        public static array $set = [];
        public static function set(string $index, mixed $value): void
        {
            self::$set[$index] = $value;
        }
    }
}

namespace Pimcore\Tool {
    final class Admin
    {
        public static ?\Pimcore\Model\User $user = null;
        public static function getCurrentUser(): ?\Pimcore\Model\User
        {
            return self::$user;
        }
    }
}

namespace Pimcore\Event {
    final class DataObjectEvents
    {
        public const PRE_UPDATE = 'pimcore.dataobject.preUpdate';
        public const PRE_UPDATE_VALIDATION_EXCEPTION = 'pimcore.dataobject.preUpdateValidationException';
        public const POST_UPDATE = 'pimcore.dataobject.postUpdate';
        public const POST_UPDATE_FAILURE = 'pimcore.dataobject.postUpdateFailure';
        public const POST_ADD = 'pimcore.dataobject.postAdd';
        public const POST_DELETE = 'pimcore.dataobject.postDelete';
    }
}

namespace Pimcore\Event\Model {
    final class DataObjectEvent
    {
        public function __construct(private object $object, private array $arguments = [])
        {
        }
        public function getObject(): object
        {
            return $this->object;
        }
        public function hasArgument(string $name): bool
        {
            return array_key_exists($name, $this->arguments);
        }
        public function getArgument(string $name): mixed
        {
            return $this->arguments[$name];
        }
        public function getArguments(): array
        {
            return $this->arguments;
        }
    }
}

namespace Pimcore\Bundle\DataHubBundle\Event\GraphQL {
    final class ExecutorEvents
    {
        public const PRE_EXECUTE = 'pimcore.datahub.graphql.executor.preExecute';
        public const POST_EXECUTE = 'pimcore.datahub.graphql.executor.postExecute';
    }
}

namespace Pimcore\Bundle\DataHubBundle\Event\GraphQL\Model {
    final class ExecutorResultEvent
    {
        public function __construct(private object $result)
        {
        }
        public function getResult(): object
        {
            return $this->result;
        }
    }
    final class ExecutorEvent
    {
        public function __construct(private object $request, private array $context)
        {
        }
        public function getRequest(): object
        {
            return $this->request;
        }
        public function getContext(): array
        {
            return $this->context;
        }
    }
}

namespace Pimcore\Model\Element {
    interface ElementInterface
    {
        public function getId(): ?int;
    }
    final class ValidationException extends \Exception
    {
    }
}

namespace Pimcore\Model {
    use Pimcore\Store;

    final class User
    {
        public function __construct(private int $id, private string $name)
        {
        }
        public function getId(): int
        {
            return $this->id;
        }
        public function getName(): string
        {
            return $this->name;
        }
    }

    class DataObject
    {
        public static bool $hidden = false;
        public static function getHideUnpublished(): bool
        {
            return self::$hidden;
        }
        public static function setHideUnpublished(bool $hidden): void
        {
            self::$hidden = $hidden;
        }
    }

    final class Version
    {
        public static bool $disabled = false;
        public int $id = 0;
        public int $cid = 0;
        public int $date = 0;
        public int $versionCount = 0;
        public int $userId = 0;
        public bool $autoSave = false;
        public bool $public = false;
        public bool $scheduled = false;
        public string $note = '';
        /** Null: the file is gone. */
        public ?DataObject\CatalogProduct $data = null;

        public static function disable(): void
        {
            self::$disabled = true;
        }
        public static function enable(): void
        {
            self::$disabled = false;
        }
        public static function isEnabled(): bool
        {
            return !self::$disabled;
        }
        public function getId(): int
        {
            return $this->id;
        }
        public function getVersionCount(): int
        {
            return $this->versionCount;
        }
        public function getUserId(): int
        {
            return $this->userId;
        }
        public function isAutoSave(): bool
        {
            return $this->autoSave;
        }
        public function getDate(): int
        {
            return $this->date;
        }
        public function isPublic(): bool
        {
            return $this->public;
        }
        public function getNote(): string
        {
            return $this->note;
        }
        public function getDao(): self
        {
            return $this;
        }
        public function isVersionUsedInScheduler(self $version): bool
        {
            return $version->scheduled;
        }
        public function loadData(): ?DataObject\CatalogProduct
        {
            return $this->data === null ? null : clone $this->data;
        }
        public function delete(): void
        {
            unset(Store::$versions[$this->id]);
        }
        public function save(): void
        {
            if (self::$disabled) {
                return;
            }
            $this->id = $this->id ?: max([0, ...array_keys(Store::$versions)]) + 1;
            Store::$versions[$this->id] = $this;
        }
    }
}

namespace Pimcore\Model\Version {
    use Pimcore\Store;

    final class Listing
    {
        private bool $autoSave = false;
        private bool $upTo = false;
        private bool $sorted = false;
        private int $most = PHP_INT_MAX;
        private array $values = [];
        public function setLoadAutoSave(bool $yes): void
        {
            $this->autoSave = $yes;
        }
        public function setCondition(string $condition, array $values): void
        {
            $known = ["cid = ? AND ctype = 'object' AND versionCount > ?", "cid = ? AND ctype = 'object' AND versionCount <= ?"];
            if (!in_array($condition, $known, true)) {
                throw new \LogicException("the stub does not know $condition");
            }
            $this->upTo = str_contains($condition, '<=');
            $this->values = $values;
        }
        public function setOrderKey(string $key): void
        {
            $this->sorted = $key === 'versionCount' ?: throw new \LogicException("the stub does not sort by $key");
        }
        public function setOrder(string $order): void
        {
            $order === 'DESC' ?: throw new \LogicException("the stub does not sort $order");
        }
        public function setLimit(int $most): void
        {
            $this->most = $most;
        }
        public function load(): array
        {
            [$id, $count] = $this->values;

            $found = array_values(array_filter(
                Store::$versions,
                fn (\Pimcore\Model\Version $v): bool =>
                    $v->cid === $id && ($v->versionCount > $count) !== $this->upTo && ($this->autoSave || !$v->autoSave),
            ));
            if ($this->sorted) {
                usort($found, static fn (\Pimcore\Model\Version $a, \Pimcore\Model\Version $b): int => $b->versionCount <=> $a->versionCount);
            }

            return array_slice($found, 0, $this->most);
        }
    }
}

namespace Pimcore\Model\DataObject\ClassDefinition {
    class Data
    {
        public string $title = '';
        public ?string $tooltip = null;
        public function __construct(public string $name = '')
        {
        }
        public function getName(): string
        {
            return $this->name;
        }
        public function getTitle(): string
        {
            return $this->title;
        }
        public function setTitle(string $title): void
        {
            $this->title = $title;
        }
        public function getTooltip(): ?string
        {
            return $this->tooltip;
        }
        public function setTooltip(?string $tip): void
        {
            $this->tooltip = $tip;
        }
    }
    class Layout
    {
        public function __construct(public string $name = '', public array $children = [])
        {
        }
        public function getName(): string
        {
            return $this->name;
        }
        public function setName(string $name): void
        {
            $this->name = $name;
        }
        public function getChildren(): array
        {
            return $this->children;
        }
        public function setChildren(array $children): void
        {
            $this->children = $children;
        }
    }
}

namespace Pimcore\Model\DataObject\ClassDefinition\Layout {
    class Panel extends \Pimcore\Model\DataObject\ClassDefinition\Layout
    {
    }
    class Text extends \Pimcore\Model\DataObject\ClassDefinition\Layout
    {
        public string $html = '';
        public function setHtml(string $html): void
        {
            $this->html = $html;
        }
    }
}

namespace Pimcore\Model\DataObject\ClassDefinition\Data {
    use Pimcore\Model\DataObject\ClassDefinition\Data;

    final class CalculatedValue extends Data
    {
    }
    final class ReverseObjectRelation extends Data
    {
    }
    final class Localizedfields extends Data
    {
        public function getFieldDefinitions(): array
        {
            return array_map(static fn (string $name): Data => new Data($name), array_combine(
                ['name', 'description', 'marketingName', 'marketingDescription'],
                ['name', 'description', 'marketingName', 'marketingDescription'],
            ));
        }
    }
}

namespace Pimcore\Model\DataObject {
    use Doctrine\DBAL\Exception\RetryableException;
    use Pimcore\Event\DataObjectEvents;
    use Pimcore\Event\Model\DataObjectEvent;
    use Pimcore\Model\DataObject\ClassDefinition\Data;
    use Pimcore\Model\Element\ElementInterface;
    use Pimcore\Model\Version;
    use Pimcore\Store;

    final class CatalogCategory implements ElementInterface
    {
        public function __construct(private int $id, public bool $published = true)
        {
        }
        public function getId(): int
        {
            return $this->id;
        }
    }

    /** Field collections are objects that nothing compares. */
    final class Rows
    {
        public function __construct(public array $rows)
        {
        }
    }

    abstract class Concrete implements ElementInterface
    {
        public int $id = 0;
        public int $modificationDate = 0;
        public int $versionCount = 0;
        public bool $published = true;
        public int $userModification = 0;
        /** @var array<string, mixed> by field, and by field and language */
        public array $fields = [];
        /** @var array<string, bool> */
        private array $dirty = [];

        public static function getById(int $id, array $parameters = []): ?CatalogProduct
        {
            $row = (Store::$snapshot ?? Store::$rows)[$id] ?? null;

            return $row === null ? null : CatalogProduct::ofRow($row);
        }

        public static function ofRow(array $row): CatalogProduct
        {
            $object = new CatalogProduct();
            foreach ($row as $name => $value) {
                $object->$name = $value;
            }

            return $object;
        }

        private function row(): array
        {
            $names = ['id', 'modificationDate', 'versionCount', 'published', 'fields'];

            return array_combine($names, array_map(fn (string $name): mixed => $this->$name, $names));
        }

        /** In Pimcore's order: event, transaction, validation event, row lock and dates, row, version, commit, event. */
        public function save(array $parameters = []): void
        {
            try {
                Store::dispatch(new DataObjectEvent($this, $parameters), DataObjectEvents::PRE_UPDATE);
                for ($try = 1;; ++$try) {
                    $before = Store::$rows;
                    Store::$snapshot = Store::$rows;
                    try {
                        Store::dispatch(new DataObjectEvent($this, ['validationExceptions' => []]), DataObjectEvents::PRE_UPDATE_VALIDATION_EXCEPTION);
                        $this->versionCount = $this->counted() + (Version::isEnabled() ? 1 : 0);
                        if (!$this->isFieldDirty('modificationDate')) {
                            $this->modificationDate = time();
                        }
                        Store::$rows[$this->id] = $this->row();
                        $this->saveVersion(false, false);
                        Store::$snapshot = null;
                        break;
                    } catch (\Exception $error) {
                        Store::$snapshot = null;
                        if (!$error instanceof RetryableException || $try === 5) {
                            throw $error;
                        }
                    }
                }
                $this->dirty = [];
                Store::dispatch(new DataObjectEvent($this, $parameters), DataObjectEvents::POST_UPDATE);
            } catch (\Exception $error) {
                Store::dispatch(new DataObjectEvent($this, $parameters), DataObjectEvents::POST_UPDATE_FAILURE);
                throw $error;
            }
        }

        private function counted(): int
        {
            $counts = array_map(fn (Version $v): int => $v->cid === $this->id ? $v->versionCount : 0, Store::$versions);

            return max([0, Store::$rows[$this->id]['versionCount'] ?? 0, ...array_values($counts)]);
        }

        public function saveVersion(bool $now = true, bool $only = true, ?string $note = null, bool $autoSave = false): ?Version
        {
            if ($now) {
                $this->setModificationDate(time());
            }
            if ($only) {
                $arguments = ['saveVersionOnly' => true, 'isAutoSave' => $autoSave];
                Store::dispatch(new DataObjectEvent($this, $arguments), DataObjectEvents::PRE_UPDATE);
            }
            $version = new Version();
            foreach ($autoSave ? Store::$versions : [] as $held) {
                // One autosave for each person; it is written over.
                if ($held->autoSave && $held->cid === $this->id && $held->userId === $this->userModification) {
                    $version = $held;
                }
            }
            $version->cid = $this->id;
            $version->date = $this->modificationDate;
            $version->userId = $this->userModification;
            $version->versionCount = $only ? $this->counted() + 1 : $this->versionCount;
            $version->autoSave = $autoSave;
            $version->note = $note ?? $version->note;
            $version->data = clone $this;
            $version->save();
            if ($only) {
                Store::dispatch(new DataObjectEvent($this, $arguments), DataObjectEvents::POST_UPDATE);
            }

            return $version;
        }

        public function getClass(): object
        {
            return new class () {
                public function getFieldDefinitions(): array
                {
                    $names = ['externalId', 'contentHash', 'prices', 'extraCategories', 'shopVisibility', 'ownField'];

                    return ['localizedfields' => new Data\Localizedfields('localizedfields'), 'count' => new Data\CalculatedValue('count')]
                        + array_combine($names, array_map(static fn (string $name): Data => new Data($name), $names));
                }
            };
        }

        public function __call(string $method, array $arguments): mixed
        {
            $field = lcfirst(substr($method, 3));
            if (str_starts_with($method, 'set')) {
                $this->fields[isset($arguments[1]) ? "$field.$arguments[1]" : $field] = $arguments[0];

                return $this;
            }
            if ($field === 'localizedfields') {
                return new class ($this) {
                    public function __construct(private Concrete $object)
                    {
                    }
                    public function getLocalizedValue(string $name, string $language, bool $noFallback): mixed
                    {
                        return $this->object->fields["$name.$language"] ?? null;
                    }
                    public function setLoadedAllLazyData(): void
                    {
                    }
                };
            }
            $value = $this->fields[$field] ?? null;
            $visible = static fn (mixed $one): bool => !$one instanceof CatalogCategory || $one->published;

            return is_array($value) && \Pimcore\Model\DataObject::$hidden ? array_values(array_filter($value, $visible)) : $value;
        }

        public function getId(): int
        {
            return $this->id;
        }
        public function getClassName(): string
        {
            return 'CatalogProduct';
        }
        public function getRealFullPath(): string
        {
            return "/catalog/products/p{$this->id}";
        }
        public function getModificationDate(): int
        {
            return $this->modificationDate;
        }
        public function setModificationDate(int $date): void
        {
            if ($this->modificationDate !== $date) {
                $this->markFieldDirty('modificationDate');
                $this->modificationDate = $date;
            }
        }
        public function markFieldDirty(string $field): void
        {
            $this->dirty[$field] = true;
        }
        public function isFieldDirty(string $field): bool
        {
            return $this->dirty[$field] ?? false;
        }
        public function getVersionCount(): int
        {
            return $this->versionCount;
        }
        public function isPublished(): bool
        {
            return $this->published;
        }
        public function setUserModification(int $user): void
        {
            $this->userModification = $user;
        }
        public function __clone()
        {
            $this->dirty = [];
        }
    }

    final class CatalogProduct extends Concrete
    {
        /** What the editor shows to a person: the newest version that is newer than the row. */
        public static function inEditor(int $id, int $user): array
        {
            $row = Store::$rows[$id];
            $newest = null;
            foreach (Store::$versions as $version) {
                $newer = $version->date > $row['modificationDate'] || $version->versionCount > $row['versionCount'];
                if ($version->cid === $id && $newer && (!$version->autoSave || $version->userId === $user)
                    && $version->versionCount > ($newest->versionCount ?? -1)) {
                    $newest = $version;
                }
            }

            return [$newest?->loadData() ?? self::ofRow($row), $newest !== null && $row['modificationDate'] < $newest->date];
        }
    }
}
