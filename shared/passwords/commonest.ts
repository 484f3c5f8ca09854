// Common passwords: the list of zxcvbn, counted in leaks all over the world (some 49 000, the commonest first), and
// passwords that are common in Indonesia and missing there. Only lengths that the rules allow are kept, in lower case.

import { SHORTEST_PASSWORD } from './length.ts';

let loading: Promise<ReadonlySet<string>> | undefined;

/** Loaded with the first new password. The build keeps some 1 500 of the list. */
export function commonPasswords(): Promise<ReadonlySet<string>> {
  loading ??= import('@zxcvbn-ts/language-common/src/passwords.json', { with: { type: 'json' } }).then(
    ({ default: counted }) => new Set([...longEnough(counted), ...IN_INDONESIA]),
  );
  return loading;
}

export function longEnough(passwords: readonly string[]): string[] {
  return passwords.filter((password) => Array.from(password).length >= SHORTEST_PASSWORD);
}

const IN_INDONESIA = `
  abcd12345678 123456abcdef asd123456789 123456789123456789 159357159357 741852963a 9876543210a asdf123456
  password12345 password1! password123! passw0rd123 p@ssw0rd123 p@ssword123 p@ssword1234 pa55word123 mypassword1
  mypassword123 newpassword1 yourpassword password2025 password2026 administrator1 admin12345 admin123456 admin@1234
  admin@12345 superadmin superadmin123 root123456 changeme123 changeme1234 welcome1234 welcome2025 welcome2026
  letmein1234 secret1234 secret12345 default123 test123456 testtest123 iloveyou1234 iloveyouuu iloveyouforever
  iloveindonesia loveyou123 lovelove123 forever123 liverpool123 chelsea1234 manchesterunited realmadrid7 barcelona1
  barcelona10 spiderman123 batman1234 pokemon1234 minecraft1 dragon1234 monkey1234 princess123 sunshine123
  computer123 internet123 jennifer123 samsung1234 blink182blink indonesia1 indonesia12 indonesia123 indonesia45
  indonesia1945 indonesiaku indonesiaraya merdeka1945 merdeka1708 pancasila1 pancasila45 jakarta123 jakarta1234
  bandung123 surabaya123 surabaya031 persib1933 persija1928 garuda1234 garuda12345 nusantara1 semangat45 semangat123
  bismillah1 bismillah12 bismillah123 bismillah99 bismillah786 alhamdulillah alhamdulillah1 assalamualaikum
  subhanallah muhammad123 muhammad1234 rahasia123 rahasia1234 rahasia12345 rahasiaku1 rahasiaku123 katasandi1
  katasandi123 katakunci123 passwordku sandi12345 terserahaku sayang1234 sayang12345 sayangkamu sayangku123
  sayangku1234 akusayangkamu akucintakamu cintaku123 cinta12345 cintasejati selamanya1 keluarga123 keluargaku
  anakku1234 mamapapa123 mamahpapah ibubapak123 kucing1234 ganteng123 cantik1234 cantik12345 bahagia123 sukses1234
  gopay12345 gopay123456 onegate123 onegate1234 shopee1234 shopee12345 dompetku123 uangku12345
  `
  .trim()
  .split(/\s+/);
