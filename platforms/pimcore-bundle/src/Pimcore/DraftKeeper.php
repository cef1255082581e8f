<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Pimcore;

use CatalogRelay\PimcoreBundle\Decision\Draft;
use CatalogRelay\PimcoreBundle\Decision\DraftSelection;
use CatalogRelay\PimcoreBundle\Decision\FieldOwnership;
use CatalogRelay\PimcoreBundle\Decision\Merge;
use CatalogRelay\PimcoreBundle\Decision\Writer;
use Pimcore\Event\DataObjectEvents;
use Pimcore\Event\Model\DataObjectEvent;
use Pimcore\Logger;
use Pimcore\Model\DataObject\Concrete;
use Pimcore\Model\Version;
use Symfony\Component\EventDispatcher\EventSubscriberInterface;

/**
 * Offers people's drafts again after a write that hid them: their fields from the draft, everything else as just written.
 *
 * It runs when the write has been committed, and nothing that goes wrong here reaches whoever wrote.
 */
final class DraftKeeper implements EventSubscriberInterface
{
    public function __construct(private readonly OpenSaves $saves)
    {
    }

    public static function getSubscribedEvents(): array
    {
        return [DataObjectEvents::POST_UPDATE => 'after'];
    }

    public function after(DataObjectEvent $event): void
    {
        $object = $event->getObject();
        if (!$object instanceof Concrete || !FieldOwnership::covers($object->getClassName())) {
            return;
        }
        $save = $this->saves->of((int) $object->getId());
        // What a person publishes supersedes drafts, as in any Pimcore.
        if ($save?->row === null || $save->restore || $save->writer === Writer::Person || ($event->hasArgument('saveVersionOnly'))) {
            return;
        }
        $since = $save->row->versionCount;
        try {
            ObjectFields::whole(fn () => $this->carryAll($object, $since));
        } catch (\Throwable $error) {
            Logger::error("catalog-relay: drafts of {$object->getRealFullPath()} were not looked for: {$error->getMessage()}");
        }
    }

    private function carryAll(Concrete $object, int $since): void
    {
        $list = new Version\Listing();
        $list->setLoadAutoSave(true);
        $list->setCondition("cid = ? AND ctype = 'object' AND versionCount > ?", [$object->getId(), $since]);
        $versions = [];
        foreach ($list->load() as $version) {
            if ($version instanceof Version) {
                $versions[(int) $version->getId()] = $version;
            }
        }
        if ($versions === []) {
            return;
        }
        $drafts = array_map(
            static fn (Version $version): Draft => new Draft(
                (int) $version->getId(),
                $version->getVersionCount(),
                $version->getUserId(),
                $version->isAutoSave(),
                $version->getNote(),
            ),
            $versions,
        );
        $own = Version::isEnabled() ? $object->getVersionCount() : null;
        foreach (DraftSelection::toCarry($drafts, $own) as $draft) {
            try {
                $this->carry($draft, $versions[$draft->id], (int) $object->getId());
            } catch (\Throwable $error) {
                // A file that maintenance removed, say. The version itself, if it is there, stays in the versions tab.
                Logger::error("catalog-relay: draft {$draft->id} of {$object->getRealFullPath()} was not carried over: {$error->getMessage()}");
            }
        }
    }

    private function carry(Draft $draft, Version $version, int $id): void
    {
        $from = $version->loadData();
        $written = Concrete::getById($id, ['force' => true]);
        if (!$from instanceof Concrete || !$written instanceof Concrete) {
            throw new \RuntimeException('it cannot be read');
        }
        $theirs = Merge::ofDraft((string) $written->getClassName(), ObjectFields::of($written), ObjectFields::ofVersion($from));
        if ($theirs === []) {
            return;
        }
        $next = clone $written;
        ObjectFields::put($next, $theirs);
        $next->setUserModification($draft->userId);
        // The editor says that it shows a draft only if that is younger than the object.
        $next->setModificationDate((int) $written->getModificationDate() + 1);
        $disabled = Version::$disabled;
        Version::enable();
        try {
            $made = $next->saveVersion(false, true, DraftSelection::NOTE, $draft->autoSave);
        } finally {
            if ($disabled) {
                Version::disable();
            }
        }
        if ($made === null) {
            throw new \RuntimeException('Pimcore keeps no versions (pimcore.objects.versions)');
        }
        if (!DraftSelection::mayGo($draft) || $version->isPublic() || $version->getDao()->isVersionUsedInScheduler($version)) {
            return;
        }
        $version->delete();
    }
}
