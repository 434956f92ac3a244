<?php
declare(strict_types=1);
namespace App\Entity;
use AmCloud\StarterKit\Tenancy\{TenantScoped, SharedEntity as Shared};
/** @ORM\Entity */
#[ORM\Entity, ORM\Table(name: 'courrier')]
final class A extends B implements C { use TenantScoped; private ?string $x = null; const D = 'SELECT 1';
 public function f(int|string $a, $b = [1, 'a' => 2]): ?array { global $g; $s = "SELECT {$a} FROM t" . $_GET['x'];
  $this->em->getConnection()->executeQuery($s, [$b]); $qb->select('a')->from('t', 'a')->andWhere("x = $a")->join('u', 'b');
  $f = $em->getFilters()->disable('organisation'); eval($s); `ls $a`; exit; die('x'); @unlink($x); include $a . '.php';
  return match (true) { $a > 1 => fn($x) => md5($password), default => unserialize($_POST['y']) }; goto fin; fin:
  $this->logger->info('m', ['nir' => $a]); $o = '671'; $l = 'cpam-bas-rhin'; new \PDO('x'); echo <<<SQL
   DELETE FROM t WHERE id = $a
   SQL; } }
enum E: string { case F = 'f'; } function g(): never {} ?> <b><?= $x ?></b>
