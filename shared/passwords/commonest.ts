// The commonest passwords of ten characters and more (shorter ones are refused for their length), here and in Indonesia, in lower
// case. A short list on purpose: attempts are throttled, so that only the first guesses matter.

export const COMMON_PASSWORDS: ReadonlySet<string> = new Set(
  `
  1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 1qazxsw23edc q1w2e3r4t5 q1w2e3r4t5y6 qazwsxedcrfv zaq12wsxcde3 zaq1xsw2cde3
  123456789a a123456789 123456789q 123456789z aa123456789 abc123456789 abcd123456 abcd12345678 123456abcdef asd123456789
  12345qwert 123456qwerty 1234567890q 1234567890a 12345678910 1234567891 123456789123 123456789123456789 1029384756
  147258369a 1472583690 159357159357 741852963a 7894561230 987654321a 9876543210a
  qwerty1234 qwerty12345 qwerty123456 qwertyuiop123 qwertyuiop1 qwert12345 asdfghjkl1 asdfghjkl123 asdf123456 zxcvbnm123 zxcvbnm1234
  password12 password123 password1234 password12345 password1! password123! passw0rd123 p@ssw0rd123 p@ssword123 p@ssword1234
  pa55word123 passwordpassword mypassword mypassword1 mypassword123 newpassword newpassword1 yourpassword password2025 password2026
  administrator administrator1 admin12345 admin123456 admin@1234 admin@12345 superadmin superadmin123 root123456 changeme123 changeme1234
  welcome123 welcome1234 welcome2025 welcome2026 letmein123 letmein1234 secret1234 secret12345 default123 test123456 testtest123 testing123
  iloveyou12 iloveyou123 iloveyou1234 iloveyouuu iloveyouforever ilovemyself iloveindonesia loveyou123 lovelove123 forever123
  football123 basketball basketball1 liverpool1 liverpool123 chelsea1234 manchester1 manchesterunited realmadrid realmadrid7 barcelona1
  barcelona10 superman123 spiderman1 spiderman123 batman1234 pokemon123 pokemon1234 minecraft1 minecraft123 dragon1234 monkey1234
  princess123 sunshine123 computer123 internet123 michael123 jennifer123 samsung123 samsung1234 starwars123 blink182blink
  indonesia1 indonesia12 indonesia123 indonesia45 indonesia1945 indonesiaku indonesiaraya merdeka1945 merdeka1708 pancasila1 pancasila45
  jakarta123 jakarta1234 bandung123 surabaya123 surabaya031 persib1933 persija1928 garuda1234 garuda12345 nusantara1 semangat45 semangat123
  bismillah1 bismillah12 bismillah123 bismillah99 bismillah786 alhamdulillah alhamdulillah1 assalamualaikum subhanallah muhammad123 muhammad1234
  rahasia123 rahasia1234 rahasia12345 rahasiaku1 rahasiaku123 katasandi1 katasandi123 katakunci123 passwordku sandi12345 terserahaku
  sayang1234 sayang12345 sayangkamu sayangku123 sayangku1234 akusayangkamu akucintakamu cintaku123 cinta12345 cintasejati selamanya1
  keluarga123 keluargaku anakku1234 mamapapa123 mamahpapah ibubapak123 kucing1234 ganteng123 cantik1234 cantik12345 bahagia123 sukses1234
  gopay12345 gopay123456 onegate123 onegate1234 shopee1234 shopee12345 dompetku123 uangku12345
  `
    .trim()
    .split(/\s+/),
);
