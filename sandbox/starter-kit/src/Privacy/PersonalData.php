<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Privacy;

/**
 * Says that a persistent property holds personal data: of which category, and how long it is kept.
 *
 * Categories: identite, contact, naissance, nir, bancaire, sante, vie_professionnelle, connexion, texte_libre, autre.
 * The retention is an ISO 8601 duration (`P5Y`, `P6M`).
 */
#[\Attribute(\Attribute::TARGET_PROPERTY)]
final class PersonalData
{
    public function __construct(public readonly string $category, public readonly string $retention)
    {
    }
}
