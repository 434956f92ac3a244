<?php

declare(strict_types=1);

namespace AmCloud\StarterKit\Tests;

use AmCloud\StarterKit\Security\AuthenticationError;
use AmCloud\StarterKit\Security\IdTokenVerifier;
use AmCloud\StarterKit\Testing\TestIssuer;
use PHPUnit\Framework\TestCase;

final class IdTokenVerifierTest extends TestCase
{
    public function testAGoodTokenGivesTheAgent(): void
    {
        $agent = $this->verifier()->verify(TestIssuer::token('671'));

        self::assertSame(['agent-671', '671'], [$agent->subject, $agent->organisation]);
    }

    public function testASeveralAudiencesTokenIsAcceptedWhenWeAreTheAuthorisedParty(): void
    {
        $claims = ['aud' => ['other', TestIssuer::CLIENT_ID], 'azp' => TestIssuer::CLIENT_ID];

        self::assertSame('671', $this->verifier()->verify(TestIssuer::token('671', $claims))->organisation);
    }

    /** @dataProvider refused */
    public function testATokenWithAWrongClaimIsRefused(array $claims, ?string $nonce = null): void
    {
        $this->expectException(AuthenticationError::class);
        $this->verifier()->verify(TestIssuer::token('671', $claims), $nonce);
    }

    /** @return iterable<string, array{0: array<string, mixed>, 1?: string}> */
    public function refused(): iterable
    {
        yield 'another issuer' => [['iss' => 'https://other.example']];
        yield 'another audience' => [['aud' => 'other']];
        yield 'an audience among others, not authorised party' => [['aud' => ['other', TestIssuer::CLIENT_ID]]];
        yield 'no audience' => [['aud' => []]];
        yield 'expired' => [['exp' => time() - 60]];
        yield 'no end' => [['exp' => null]];
        yield 'an end that is no number' => [['exp' => 'tomorrow']];
        yield 'not yet valid' => [['nbf' => time() + 120]];
        yield 'made in the future' => [['iat' => time() + 120]];
        yield 'no subject' => [['sub' => '']];
        yield 'no organisation' => [['organisation' => null]];
        yield 'an organisation with a newline' => [['organisation' => "671\n"]];
        yield 'an organisation that is a list' => [['organisation' => ['671']]];
        yield 'another nonce' => [['nonce' => 'a'], 'b'];
        yield 'no nonce where one was sent' => [[], 'b'];
    }

    /** @dataProvider forged */
    public function testATokenThatTheProviderDidNotSignIsRefused(callable $forge): void
    {
        $this->expectException(AuthenticationError::class);
        $this->verifier()->verify($forge(TestIssuer::token('671')));
    }

    /** @return iterable<string, array{callable(string): string}> */
    public function forged(): iterable
    {
        $encode = static fn (array $data): string => rtrim(strtr(base64_encode((string) json_encode($data)), '+/', '-_'), '=');
        yield 'none' => [static fn (string $token): string => $encode(['alg' => 'none']) . '.' . explode('.', $token)[1] . '.'];
        yield 'HMAC' => [static fn (string $token): string => $encode(['alg' => 'HS256', 'kid' => 'test']) . '.x.y'];
        yield 'an unknown key' => [static fn (string $token): string => $encode(['alg' => 'RS256', 'kid' => 'k']) . '.x.y'];
        yield 'another body' => [static function (string $token) use ($encode): string {
            [$head, , $signature] = explode('.', $token);

            return "{$head}.{$encode(['organisation' => '681'])}.{$signature}";
        }];
        yield 'two parts' => [static fn (string $token): string => 'a.b'];
        yield 'not base64url' => [static fn (string $token): string => 'a+/=.b.c'];
        yield 'huge' => [static fn (string $token): string => $token . str_repeat('A', 10_000)];
    }

    private function verifier(): IdTokenVerifier
    {
        return new IdTokenVerifier(new TestIssuer(), TestIssuer::ISSUER, TestIssuer::CLIENT_ID);
    }
}
