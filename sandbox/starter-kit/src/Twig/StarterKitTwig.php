<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Twig;

use AmCloud\StarterKit\Security\Agent;
use AmCloud\StarterKit\Security\Session;
use AmCloud\StarterKit\Tenancy\Organisation;
use AmCloud\StarterKit\Tenancy\TenantContext;
use Symfony\Component\HttpFoundation\RequestStack;
use Twig\Extension\AbstractExtension;
use Twig\Markup;
use Twig\TwigFunction;

/**
 * What a page may say of the tenant and of the agent, and the hidden field that every form carries.
 */
final class StarterKitTwig extends AbstractExtension
{
    public function __construct(
        private readonly RequestStack $requests,
        private readonly TenantContext $context,
        private readonly Session $session,
    ) {
    }

    public function getFunctions(): array
    {
        return [
            new TwigFunction('csrf_field', $this->formField(...)),
            new TwigFunction('current_agent', $this->agent(...)),
            new TwigFunction('current_organisation', $this->organisation(...)),
        ];
    }

    private function formField(): Markup
    {
        $request = $this->requests->getMainRequest();
        $token = $request === null ? '' : $this->session->formToken($request);

        return new Markup('<input type="hidden" name="_csrf" value="' . $token . '">', 'UTF-8');
    }

    private function agent(): ?Agent
    {
        $agent = $this->requests->getMainRequest()?->attributes->get(Agent::REQUEST_ATTRIBUTE);

        return $agent instanceof Agent ? $agent : null;
    }

    private function organisation(): ?Organisation
    {
        return $this->context->current();
    }
}
