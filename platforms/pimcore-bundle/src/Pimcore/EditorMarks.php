<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Pimcore;

use CatalogRelay\PimcoreBundle\Decision\Draft;
use CatalogRelay\PimcoreBundle\Decision\ExternalId;
use CatalogRelay\PimcoreBundle\Decision\FieldOwnership;
use CatalogRelay\PimcoreBundle\Decision\HiddenDraft;
use CatalogRelay\PimcoreBundle\Decision\Merge;
use Pimcore\Logger;
use Pimcore\Model\DataObject\ClassDefinition\Data;
use Pimcore\Model\DataObject\ClassDefinition\Layout;
use Pimcore\Model\DataObject\Concrete;
use Pimcore\Model\Version;
use Pimcore\Tool\Admin;
use Symfony\Component\EventDispatcher\EventSubscriberInterface;
use Symfony\Component\EventDispatcher\GenericEvent;

/** Marks in the editor which fields the next import writes, says what a hidden draft was, and links to the product's page of the desk. */
final class EditorMarks implements EventSubscriberInterface
{
    private const MARK = ' · from the supplier';
    private const TIP = 'The next import writes this field. What you save here is put back.';

    /** Versions among which the newest is that the person may see. */
    private const LOOKED_AT = 10;

    public function __construct(private readonly string $deskUrl)
    {
    }

    public static function getSubscribedEvents(): array
    {
        // By its name: the constant belongs to a bundle that need not be there.
        return ['pimcore.admin.dataobject.get.preSendData' => 'mark'];
    }

    public function mark(GenericEvent $event): void
    {
        try {
            $object = $event->getArgument('object');
            $data = $event->getArgument('data');
            $layout = is_array($data) ? ($data['layout'] ?? null) : null;
            if (!$object instanceof Concrete || !is_object($layout) || !FieldOwnership::covers($object->getClassName())) {
                return;
            }
            // The layout is shared with the class definition of this process.
            $layout = unserialize(serialize($layout));
            $notes = array_filter([$this->desk((string) $object->getExternalId()), empty($data['draft']) ? self::hiddenDraft($object) : '']);
            self::walk($layout, (string) $object->getClassName(), implode('', $notes));
            $data['layout'] = $layout;
            $event->setArgument('data', $data);
        } catch (\Throwable $error) {
            Logger::error('catalog-relay: the editor shows no marks: ' . $error->getMessage());
        }
    }

    private static function walk(object $node, string $class, string $notes): void
    {
        if ($node instanceof Data && FieldOwnership::isSuppliers($class, (string) $node->getName())) {
            $node->setTitle($node->getTitle() . self::MARK);
            $node->setTooltip(trim($node->getTooltip() . ' ' . self::TIP));

            return;
        }
        if (!method_exists($node, 'getChildren')) {
            return;
        }
        foreach ($node->getChildren() as $child) {
            self::walk($child, $class, $notes);
        }
        if ($notes !== '' && $node instanceof Layout\Panel && $node->getName() === 'Shop') {
            $note = new Layout\Text();
            $note->setName('catalogRelayNotes');
            $note->setHtml($notes);
            $node->setChildren([$note, ...$node->getChildren()]);
        }
    }

    private function desk(string $externalId): string
    {
        if ($this->deskUrl === '' || $externalId === '') {
            return '';
        }
        $address = htmlspecialchars($this->deskUrl . rawurlencode(ExternalId::plain($externalId)), ENT_QUOTES);

        return '<p><a href="' . $address . '" target="_blank" rel="noopener">What happened to this product</a></p>';
    }

    /** The newest version, if it has something of people's that the object has not: one that was published has nothing. */
    private static function hiddenDraft(Concrete $object): string
    {
        try {
            $list = new Version\Listing();
            $list->setLoadAutoSave(true);
            $list->setCondition("cid = ? AND ctype = 'object' AND versionCount <= ?", [$object->getId(), $object->getVersionCount()]);
            $list->setOrderKey('versionCount');
            $list->setOrder('DESC');
            $list->setLimit(self::LOOKED_AT);
            $versions = [];
            foreach ($list->load() as $version) {
                $versions[(int) $version->getId()] = $version;
            }
            $drafts = array_map(
                static fn (Version $one): Draft => new Draft((int) $one->getId(), $one->getVersionCount(), $one->getUserId(), $one->isAutoSave()),
                $versions,
            );
            $newest = HiddenDraft::newest($drafts, Admin::getCurrentUser()?->getId());
            $from = $newest === null ? null : $versions[$newest->id]->loadData();
            if ($newest === null || !$from instanceof Concrete) {
                return '';
            }
            $theirs = ObjectFields::whole(static fn (): array => Merge::ofDraft(
                (string) $object->getClassName(),
                ObjectFields::of($object),
                ObjectFields::ofVersion($from),
            ));

            return HiddenDraft::html($versions[$newest->id]->getDate(), $theirs);
        } catch (\Throwable $error) {
            Logger::error('catalog-relay: a hidden draft was not looked for: ' . $error->getMessage());

            return '';
        }
    }
}
