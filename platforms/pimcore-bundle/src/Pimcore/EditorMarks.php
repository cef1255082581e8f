<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Pimcore;

use CatalogRelay\PimcoreBundle\Decision\ExternalId;
use CatalogRelay\PimcoreBundle\Decision\FieldOwnership;
use Pimcore\Logger;
use Pimcore\Model\DataObject\ClassDefinition\Data;
use Pimcore\Model\DataObject\ClassDefinition\Layout;
use Pimcore\Model\DataObject\Concrete;
use Symfony\Component\EventDispatcher\EventSubscriberInterface;
use Symfony\Component\EventDispatcher\GenericEvent;

/** Marks in the editor which fields the next import writes, and links to the product's page of the desk. */
final class EditorMarks implements EventSubscriberInterface
{
    private const MARK = ' · from the supplier';
    private const TIP = 'The next import writes this field. What you save here is put back.';

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
            $this->walk($layout, (string) $object->getClassName(), (string) $object->getExternalId());
            $data['layout'] = $layout;
            $event->setArgument('data', $data);
        } catch (\Throwable $error) {
            Logger::error('catalog-relay: the editor shows no marks: ' . $error->getMessage());
        }
    }

    private function walk(object $node, string $class, string $externalId): void
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
            $this->walk($child, $class, $externalId);
        }
        if ($this->deskUrl !== '' && $externalId !== '' && $node instanceof Layout\Panel && $node->getName() === 'Shop') {
            $note = new Layout\Text();
            $note->setName('catalogRelayDesk');
            $address = htmlspecialchars($this->deskUrl . rawurlencode(ExternalId::plain($externalId)), ENT_QUOTES);
            $note->setHtml('<a href="' . $address . '" target="_blank" rel="noopener">What happened to this product</a>');
            $node->setChildren([$note, ...$node->getChildren()]);
        }
    }
}
