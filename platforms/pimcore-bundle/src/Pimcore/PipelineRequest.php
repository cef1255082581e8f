<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Pimcore;

use CatalogRelay\PimcoreBundle\Decision\Expectation;
use Pimcore\Bundle\DataHubBundle\Event\GraphQL\ExecutorEvents;
use Pimcore\Bundle\DataHubBundle\Event\GraphQL\Model\ExecutorEvent;
use Pimcore\Logger;
use Symfony\Component\EventDispatcher\EventSubscriberInterface;
use Symfony\Component\HttpFoundation\Request;

/** Whether the pipeline's configuration is being asked, and what the request says that it read. */
final class PipelineRequest implements EventSubscriberInterface
{
    private const CONFIGURATION = 'catalog';

    private ?Expectation $expectation = null;

    public static function getSubscribedEvents(): array
    {
        return [ExecutorEvents::PRE_EXECUTE => 'begin', ExecutorEvents::POST_EXECUTE => 'end'];
    }

    public function begin(ExecutorEvent $event): void
    {
        $request = $event->getRequest();
        $configuration = $event->getContext()['clientname'] ?? null;
        $ours = $configuration === self::CONFIGURATION && $request instanceof Request;
        $this->expectation = $ours ? Expectation::of((string) $request->getContent()) : null;
    }

    /** Says in the answer to the pipeline that drafts are kept, so that none is reported as hidden. */
    public function end(?object $event = null): void
    {
        $asked = $this->expectation !== null;
        $this->expectation = null;
        try {
            $result = $asked && $event !== null && method_exists($event, 'getResult') ? $event->getResult() : null;
            if (is_object($result) && property_exists($result, 'extensions')) {
                $result->extensions = ['catalogRelay' => ['keepsDrafts' => true]] + ($result->extensions ?? []);
            }
        } catch (\Throwable $error) {
            Logger::error('catalog-relay: the answer does not say that drafts are kept: ' . $error->getMessage());
        }
    }

    public function expectation(): ?Expectation
    {
        return $this->expectation;
    }
}
