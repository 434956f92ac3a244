<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Tenancy;

/**
 * The organisation that the running request or command works for. Only {@see Tenancy} changes it.
 */
final class TenantContext
{
    private ?Organisation $current = null;

    public function current(): ?Organisation
    {
        return $this->current;
    }

    /**
     * @throws NoTenantException nobody's data may be read or written now
     */
    public function required(): Organisation
    {
        return $this->current ?? throw new NoTenantException('aucun organisme courant');
    }

    /** @internal */
    public function set(?Organisation $organisation): void
    {
        $this->current = $organisation;
    }
}
