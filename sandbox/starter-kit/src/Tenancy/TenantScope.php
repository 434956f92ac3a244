<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Tenancy;

/**
 * Which classes are scoped: those that use {@see TenantScoped}, themselves, by a parent or by another trait.
 */
final class TenantScope
{
    /** @var array<class-string, bool> */
    private static array $known = [];

    /** @param class-string $class */
    public static function covers(string $class): bool
    {
        return self::$known[$class] ??= self::uses($class);
    }

    /** @param class-string $class */
    private static function uses(string $class): bool
    {
        for ($current = $class; $current !== false; $current = get_parent_class($current)) {
            $traits = class_uses($current) ?: [];
            while ($traits !== []) {
                $trait = array_pop($traits);
                if ($trait === TenantScoped::class) {
                    return true;
                }
                $traits = [...$traits, ...(class_uses($trait) ?: [])];
            }
        }

        return false;
    }
}
