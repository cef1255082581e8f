<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Pimcore;

use CatalogRelay\PimcoreBundle\Decision\FieldOwnership;
use CatalogRelay\PimcoreBundle\Decision\Merge;
use CatalogRelay\PimcoreBundle\Decision\OpenSave;
use CatalogRelay\PimcoreBundle\Decision\RowState;
use CatalogRelay\PimcoreBundle\Decision\SaveDecision;
use CatalogRelay\PimcoreBundle\Decision\Writer;
use Doctrine\DBAL\Exception\RetryableException;
use Pimcore\Cache;
use Pimcore\Cache\RuntimeCache;
use Pimcore\Db;
use Pimcore\Event\DataObjectEvents;
use Pimcore\Event\Model\DataObjectEvent;
use Pimcore\Logger;
use Pimcore\Model\DataObject\Concrete;
use Pimcore\Model\Element\ValidationException;
use Pimcore\Tool\Admin;
use Symfony\Component\EventDispatcher\EventSubscriberInterface;

/**
 * Compares what a save was prepared from with what stands in the database, while the row is locked.
 *
 * Pimcore locks an object's row itself a moment later, when it counts versions; here the same lock is taken first, in the same transaction.
 * Only a refusal and the database's own request to try again leave this class; anything else is logged, and the save goes on as without it.
 */
final class SaveGuard implements EventSubscriberInterface
{
    private const ROW = 'SELECT modificationDate, versionCount, published FROM objects WHERE id = ?';

    public function __construct(private readonly OpenSaves $saves, private readonly PipelineRequest $request)
    {
    }

    public static function getSubscribedEvents(): array
    {
        return [
            DataObjectEvents::PRE_UPDATE => ['begin', 1000],
            DataObjectEvents::PRE_UPDATE_VALIDATION_EXCEPTION => ['inTransaction', 1000],
            DataObjectEvents::POST_UPDATE => ['end', -1000],
            DataObjectEvents::POST_UPDATE_FAILURE => ['end', -1000],
        ];
    }

    public function begin(DataObjectEvent $event): void
    {
        $object = self::shared($event);
        if ($object === null) {
            return;
        }
        $restore = $event->hasArgument('isRecycleBinRestore') && $event->getArgument('isRecycleBinRestore');
        $writer = match (true) {
            $this->request->expectation() !== null => Writer::Pipeline,
            Admin::getCurrentUser() !== null => Writer::Person,
            default => Writer::Other,
        };
        $read = new RowState((int) $object->getModificationDate(), $object->getVersionCount(), $object->isPublished());
        $this->saves->begin((int) $object->getId(), new OpenSave($writer, $read, (bool) $restore));
    }

    public function inTransaction(DataObjectEvent $event): void
    {
        $object = $event->getObject();
        $save = $object instanceof Concrete ? $this->saves->of((int) $object->getId()) : null;
        if (!$object instanceof Concrete || $save === null) {
            return;
        }
        try {
            $this->compare($object, $save);
        } catch (RetryableException|ValidationException $stop) {
            throw $stop;
        } catch (\Throwable $error) {
            Logger::error('catalog-relay: a save was not compared with what stands: ' . $error->getMessage());
        }
    }

    public function end(DataObjectEvent $event): void
    {
        $object = self::shared($event);
        if ($object !== null && $this->saves->of((int) $object->getId()) !== null) {
            $this->saves->end((int) $object->getId());
        }
    }

    private function compare(Concrete $object, OpenSave $save): void
    {
        $id = (int) $object->getId();
        $row = self::row(self::ROW . ' FOR UPDATE', $id);
        if ($row === null) {
            return;
        }
        $save->row = $row;
        if ($save->restore) {
            // The bin saves an empty object first: what it brings back is the whole of it.
            self::date($object, $save, $row);

            return;
        }
        $path = $object->getRealFullPath();
        $expected = $this->request->expectation()?->at($path);
        switch (SaveDecision::of($save->writer, $row, $save->read, $expected)) {
            case SaveDecision::Refuse:
                self::forget($id);
                throw new ValidationException(SaveDecision::message($path, $row, $save->read, $expected));
            case SaveDecision::KeepSuppliers:
                self::keepSuppliers($object, $row);
                break;
            case SaveDecision::Proceed:
        }
        self::date($object, $save, $row);
    }

    private static function keepSuppliers(Concrete $object, RowState $row): void
    {
        $id = (int) $object->getId();
        // Without a lock the transaction reads what stood when it began.
        if (self::row(self::ROW, $id)?->sameSave($row) !== true) {
            throw new StaleSnapshot("object $id was saved while this save began");
        }
        $standing = Concrete::getById($id, ['force' => true]);
        if (!$standing instanceof Concrete) {
            return;
        }
        $class = (string) $object->getClassName();
        ObjectFields::whole(static function () use ($object, $standing, $class): void {
            ObjectFields::put($object, Merge::ofOldSave($class, ObjectFields::of($object), ObjectFields::of($standing)));
        });
    }

    /** Two saves of one second would look the same to whoever compares dates. */
    private static function date(Concrete $object, OpenSave $save, RowState $row): void
    {
        $now = time();
        if ($now <= $row->modificationDate || ($save->writer !== Writer::Other && $object->isFieldDirty('modificationDate'))) {
            $object->setModificationDate(SaveDecision::date($now, $row));
            // Otherwise Pimcore puts the time there.
            $object->markFieldDirty('modificationDate');
        }
    }

    /** What was refused is not to be read as if it stood; and what was read may have come from a cache that is behind. */
    private static function forget(int $id): void
    {
        RuntimeCache::set('object_' . $id, null);
        Cache::clearTags(['object_' . $id]);
    }

    private static function row(string $query, int $id): ?RowState
    {
        $row = Db::get()->fetchAssociative($query, [$id]);

        return $row ? new RowState((int) $row['modificationDate'], (int) $row['versionCount'], (bool) $row['published']) : null;
    }

    /** The object of a whole save, if the pipeline and people share it; null for drafts. */
    private static function shared(DataObjectEvent $event): ?Concrete
    {
        $object = $event->getObject();
        $whole = !$event->hasArgument('saveVersionOnly') || !$event->getArgument('saveVersionOnly');

        return $object instanceof Concrete && $whole && FieldOwnership::covers($object->getClassName()) ? $object : null;
    }
}
