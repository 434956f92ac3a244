<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Tenancy;

use Doctrine\ORM\Mapping as ORM;

/**
 * For entities whose records belong to one organisation. The kit fills the column and filters on it.
 */
trait TenantScoped
{
    #[ORM\Column(name: 'organisation', type: 'string', length: 3, options: ['fixed' => true])]
    private string $organisation = '';

    public function organisation(): string
    {
        return $this->organisation;
    }

    /**
     * @internal called by the kit before the first write
     *
     * @throws TenantViolation the record belongs to another organisation already
     */
    public function stampOrganisation(string $code): void
    {
        if ($this->organisation !== '' && $this->organisation !== $code) {
            throw new TenantViolation('cet enregistrement appartient à un autre organisme');
        }
        $this->organisation = $code;
    }
}
