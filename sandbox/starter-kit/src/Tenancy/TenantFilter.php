<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Tenancy;

use Doctrine\ORM\Mapping\ClassMetadata;
use Doctrine\ORM\Query\Filter\SQLFilter;

/**
 * Adds `organisation = <current>` to every query of Doctrine on a scoped entity. PostgreSQL's row security says it again.
 */
final class TenantFilter extends SQLFilter
{
    public const NAME = 'amcloud_organisation';

    public function addFilterConstraint(ClassMetadata $targetEntity, $targetTableAlias): string
    {
        if (!TenantScope::covers($targetEntity->getName())) {
            return '';
        }

        return sprintf(
            '%s.%s = %s',
            $targetTableAlias,
            $targetEntity->getColumnName('organisation'),
            $this->getParameter('organisation'),
        );
    }
}
