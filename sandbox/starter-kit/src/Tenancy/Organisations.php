<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Tenancy;

/**
 * The organisations file, read again whenever it changes: adding an organisation restarts nothing.
 */
final class Organisations
{
    private const MAX_BYTES = 1_048_576;
    private const LABEL = '/\A[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\z/';

    private string $seen = '';
    private string $domain = '';
    /** @var array<string, Organisation> by label */
    private array $byLabel = [];

    public function __construct(private readonly string $path)
    {
    }

    /**
     * @return list<Organisation> those that are served, in the order of the file
     *
     * @throws OrganisationsFileError
     */
    public function enabled(): array
    {
        $this->refresh();

        return array_values(array_filter($this->byLabel, static fn (Organisation $one): bool => $one->enabled));
    }

    /**
     * The organisation whose host name this is (`<label>.<domain>`), null when none is served there.
     *
     * @throws OrganisationsFileError
     */
    public function forHost(string $host): ?Organisation
    {
        $this->refresh();
        $suffix = '.' . $this->domain;
        $host = strtolower(rtrim($host, '.'));
        if (!str_ends_with($host, $suffix)) {
            return null;
        }
        $found = $this->byLabel[substr($host, 0, -\strlen($suffix))] ?? null;

        return $found?->enabled ? $found : null;
    }

    private function refresh(): void
    {
        // All of it: a mounted ConfigMap is reached through links, and what PHP remembers of each of them goes stale.
        clearstatcache(true);
        $stat = @stat($this->path);
        if ($stat === false) {
            throw new OrganisationsFileError("fichier des organismes absent : {$this->path}");
        }
        // A mounted ConfigMap changes by a switched link: the inode tells what the time, in seconds, may not.
        $now = "{$stat['ino']}-{$stat['mtime']}-{$stat['size']}";
        if ($now !== $this->seen) {
            $this->read($stat['size']);
            $this->seen = $now;
        }
    }

    private function read(int $size): void
    {
        $text = $size > self::MAX_BYTES ? false : file_get_contents($this->path);
        try {
            $data = json_decode((string) $text, true, 8, \JSON_THROW_ON_ERROR);
        } catch (\JsonException $error) {
            throw new OrganisationsFileError("fichier des organismes illisible : {$error->getMessage()}", 0, $error);
        }
        if (!\is_array($data) || ($data['version'] ?? null) !== 1 || !\is_string($data['domain'] ?? null)) {
            throw new OrganisationsFileError('fichier des organismes : « version » 1 et « domain » sont attendus');
        }
        if (!\is_array($data['organisations'] ?? null) || !array_is_list($data['organisations'])) {
            throw new OrganisationsFileError('fichier des organismes : « organisations » doit être une liste');
        }
        $found = [];
        $codes = [];
        foreach ($data['organisations'] as $entry) {
            $one = self::organisation($entry);
            if (isset($found[$one->label]) || isset($codes[$one->code])) {
                throw new OrganisationsFileError("fichier des organismes : {$one->code} ou {$one->label} y est deux fois");
            }
            $found[$one->label] = $one;
            $codes[$one->code] = true;
        }
        $this->byLabel = $found;
        $this->domain = strtolower($data['domain']);
    }

    private static function organisation(mixed $entry): Organisation
    {
        $code = \is_array($entry) ? $entry['code'] ?? null : null;
        $name = \is_array($entry) ? $entry['name'] ?? null : null;
        $label = \is_array($entry) ? $entry['label'] ?? null : null;
        $enabled = \is_array($entry) ? $entry['enabled'] ?? true : null;
        if (
            !\is_string($code) || preg_match('/\A[0-9]{3}\z/', $code) !== 1
            || !\is_string($label) || preg_match(self::LABEL, $label) !== 1
            || !\is_string($name) || !\is_bool($enabled)
        ) {
            throw new OrganisationsFileError('fichier des organismes : code, name, label ou enabled invalide');
        }

        return new Organisation($code, $name, $label, $enabled);
    }
}
