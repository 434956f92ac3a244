<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Tests;

use AmCloud\StarterKit\Tenancy\Organisations;
use AmCloud\StarterKit\Tenancy\OrganisationsFileError;
use PHPUnit\Framework\TestCase;

final class OrganisationsTest extends TestCase
{
    private const ONE = ['code' => '671', 'name' => 'CPAM exemple', 'label' => 'cpam-bas-rhin', 'enabled' => true];

    private string $file = '';

    protected function setUp(): void
    {
        $this->file = (string) tempnam(sys_get_temp_dir(), 'organisations');
    }

    protected function tearDown(): void
    {
        unlink($this->file);
    }

    /** @dataProvider hosts */
    public function testTheHostNameChoosesTheOrganisation(string $host, ?string $code): void
    {
        $off = ['code' => '681', 'label' => 'cpam-haut-rhin', 'enabled' => false] + self::ONE;
        $known = $this->known(['organisations' => [self::ONE, $off]]);

        self::assertSame($code, $known->forHost($host)?->code);
    }

    /** @return iterable<string, array{string, string|null}> */
    public function hosts(): iterable
    {
        yield 'its name' => ['cpam-bas-rhin.app.example', '671'];
        yield 'in capitals, with a last dot' => ['CPAM-Bas-Rhin.app.example.', '671'];
        yield 'a suspended one' => ['cpam-haut-rhin.app.example', null];
        yield 'the bare domain' => ['app.example', null];
        yield 'another domain with the same end' => ['cpam-bas-rhin.otherapp.example', null];
        yield 'a name in front' => ['x.cpam-bas-rhin.app.example', null];
        yield 'nothing' => ['', null];
    }

    public function testAChangedFileIsReadAgain(): void
    {
        $known = $this->known(['organisations' => []]);
        self::assertCount(0, $known->enabled());
        $this->known(['organisations' => [self::ONE]]);
        self::assertCount(1, $known->enabled());
    }

    /** @dataProvider wrong */
    public function testAWrongFileIsRefusedWhole(mixed $change): void
    {
        $this->expectException(OrganisationsFileError::class);
        \is_string($change) ? file_put_contents($this->file, $change) : $this->known($change);
        (new Organisations($this->file))->enabled();
    }

    /** @return iterable<string, array{mixed}> */
    public function wrong(): iterable
    {
        yield 'not JSON' => ['{'];
        yield 'not an object' => ['1'];
        yield 'another version' => [['version' => 2]];
        yield 'no domain' => [['domain' => null]];
        yield 'two digits' => [['organisations' => [['code' => '67'] + self::ONE]]];
        yield 'a dot in the label' => [['organisations' => [['label' => 'a.b'] + self::ONE]]];
        yield 'a number where a text is due' => [['organisations' => [['code' => 671] + self::ONE]]];
        yield 'not a boolean' => [['organisations' => [['enabled' => 'yes'] + self::ONE]]];
        yield 'a code twice' => [['organisations' => [self::ONE, ['label' => 'b'] + self::ONE]]];
        yield 'a label twice' => [['organisations' => [self::ONE, ['code' => '681'] + self::ONE]]];
        yield 'not a list' => [['organisations' => 'x']];
        yield 'too big' => [['organisations' => [], 'padding' => str_repeat('x', 2_000_000)]];
    }

    public function testAnAbsentFileIsAnError(): void
    {
        $this->expectException(OrganisationsFileError::class);
        (new Organisations('/nowhere/organisations.json'))->enabled();
    }

    /** @param array<string, mixed> $change */
    private function known(array $change): Organisations
    {
        $data = $change + ['version' => 1, 'domain' => 'app.example', 'organisations' => [self::ONE]];
        file_put_contents($this->file . '.new', json_encode($data));
        rename($this->file . '.new', $this->file);

        return new Organisations($this->file);
    }
}
