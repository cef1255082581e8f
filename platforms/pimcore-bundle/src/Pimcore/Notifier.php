<?php

declare(strict_types=1);

namespace CatalogRelay\PimcoreBundle\Pimcore;

use CatalogRelay\PimcoreBundle\Decision\ExternalId;
use CatalogRelay\PimcoreBundle\Decision\FieldOwnership;
use CatalogRelay\PimcoreBundle\Decision\Notices;
use CatalogRelay\PimcoreBundle\Decision\SendBudget;
use CatalogRelay\PimcoreBundle\Decision\Signature;
use Pimcore\Event\DataObjectEvents;
use Pimcore\Event\Model\DataObjectEvent;
use Pimcore\Logger;
use Pimcore\Model\DataObject\Concrete;
use Pimcore\Tool\Admin;
use Symfony\Component\Console\ConsoleEvents;
use Symfony\Component\EventDispatcher\EventSubscriberInterface;
use Symfony\Component\HttpKernel\KernelEvents;

/** Tells the stack which objects people saved, drafted, published, moved, deleted or restored; after the answer has gone. */
final class Notifier implements EventSubscriberInterface
{
    private Notices $notices;

    public function __construct(
        private readonly OpenSaves $saves,
        private readonly Post $post,
        private readonly string $url,
        private readonly string $secret,
        private readonly string $stateFile,
    ) {
        $this->notices = new Notices();
    }

    public static function getSubscribedEvents(): array
    {
        return [
            DataObjectEvents::POST_ADD => ['added', 100],
            DataObjectEvents::POST_UPDATE => ['updated', 100],
            DataObjectEvents::POST_DELETE => ['deleted', 100],
            KernelEvents::TERMINATE => 'send',
            ConsoleEvents::TERMINATE => 'send',
        ];
    }

    public function added(DataObjectEvent $event): void
    {
        $this->note($event, static fn (Concrete $object): string => 'save');
    }

    public function updated(DataObjectEvent $event): void
    {
        $was = fn (Concrete $object): ?bool => $this->saves->of((int) $object->getId())?->row?->published;
        $this->note($event, static fn (Concrete $object): string => Notices::what($event->getArguments(), $was($object), $object->isPublished()));
    }

    public function deleted(DataObjectEvent $event): void
    {
        $this->note($event, static fn (Concrete $object): string => 'delete');
    }

    /** @param callable(Concrete): string $what */
    private function note(DataObjectEvent $event, callable $what): void
    {
        $object = $event->getObject();
        if ($this->url === '' || !$object instanceof Concrete || !FieldOwnership::covers($object->getClassName())) {
            return;
        }
        try {
            $user = Admin::getCurrentUser();
            if ($user === null) {
                return;
            }
            $arguments = $event->getArguments();
            $this->notices->add($what($object), (int) $object->getId(), time(), [
                'class' => $object->getClassName(),
                'externalId' => ExternalId::plain((string) $object->getExternalId()),
                'path' => $object->getRealFullPath(),
                'oldPath' => is_string($arguments['oldPath'] ?? null) ? $arguments['oldPath'] : null,
                'user' => ['id' => $user->getId(), 'name' => $user->getName()],
            ]);
        } catch (\Throwable $error) {
            Logger::error('catalog-relay: an act of a person was not noted: ' . $error->getMessage());
        }
    }

    public function send(): void
    {
        try {
            $body = $this->notices->take(bin2hex(random_bytes(16)));
            if ($body !== null && !$this->sent($body)) {
                Logger::warning('catalog-relay: a notification was not delivered; the change feed finds it: ' . $body);
            }
        } catch (\Throwable $error) {
            Logger::error('catalog-relay: notifications failed: ' . $error->getMessage());
        }
    }

    private function sent(string $body): bool
    {
        if ($this->secret === '') {
            // Unsigned, nobody would believe it.
            return false;
        }
        $budget = SendBudget::read((string) @file_get_contents($this->stateFile));
        if (!$budget->open(time())) {
            return false;
        }
        $sent = false;
        $began = hrtime(true);
        for ($tries = 0; !$sent; ++$tries) {
            $milliseconds = SendBudget::next($tries, intdiv(hrtime(true) - $began, 1_000_000));
            if ($milliseconds === 0) {
                break;
            }
            $headers = ['Content-Type: application/json', Signature::HEADER . ': ' . Signature::header($this->secret, time(), $body)];
            $sent = $this->post->send($this->url, $headers, $body, $milliseconds);
        }
        $after = $budget->after($sent, time());
        if ($after->kept() !== $budget->kept()) {
            @file_put_contents($this->stateFile, $after->kept(), LOCK_EX);
        }

        return $sent;
    }
}
