<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Tests;

use AmCloud\StarterKit\Security\SignedCookie;
use PHPUnit\Framework\TestCase;
use Symfony\Component\HttpFoundation\Request;

final class SignedCookieTest extends TestCase
{
    private const SECRET = 'a secret of tests, long enough';

    public function testWhatWasWrittenIsReadAgain(): void
    {
        self::assertSame('671', $this->read($this->written())['organisation'] ?? null);
    }

    public function testAnotherKeyAnotherPurposeOrAChangedValueReadsNothing(): void
    {
        $value = $this->written();

        self::assertNull($this->read($value, secret: 'another secret of tests'));
        self::assertNull($this->read($value, name: 'other'));
        self::assertNull($this->read('A' . $value));
        self::assertNull($this->read($value . 'A'));
        self::assertNull($this->read(explode('.', $value)[0]));
        self::assertNull($this->read(''));
    }

    public function testAnOldCookieReadsNothing(): void
    {
        self::assertNull($this->read($this->written(lifetime: -1)));
    }

    public function testOverHttpsTheCookieIsBoundToTheHost(): void
    {
        $cookie = (new SignedCookie('name', 60, self::SECRET))->write(Request::create('https://a.example/'), []);

        self::assertSame('__Host-name', $cookie->getName());
        self::assertTrue($cookie->isSecure() && $cookie->isHttpOnly());
        self::assertNull($cookie->getDomain());
    }

    public function testAShortSecretIsRefused(): void
    {
        $this->expectException(\LogicException::class);
        new SignedCookie('name', 60, 'short');
    }

    private function written(int $lifetime = 60): string
    {
        $cookie = new SignedCookie('name', $lifetime, self::SECRET);

        return (string) $cookie->write(Request::create('http://a.example/'), ['organisation' => '671'])->getValue();
    }

    /** @return array<string, string>|null */
    private function read(string $value, string $name = 'name', string $secret = self::SECRET): ?array
    {
        $request = Request::create('http://a.example/', 'GET', [], [$name => $value]);

        return (new SignedCookie($name, 60, $secret))->read($request);
    }
}
