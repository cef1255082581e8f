<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Pimcore;

use CatalogRelay\PimcoreBundle\Decision\Expectation;
use Pimcore\Bundle\DataHubBundle\Event\GraphQL\ExecutorEvents;
use Pimcore\Bundle\DataHubBundle\Event\GraphQL\Model\ExecutorEvent;
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

    public function end(): void
    {
        $this->expectation = null;
    }

    public function expectation(): ?Expectation
    {
        return $this->expectation;
    }
}
