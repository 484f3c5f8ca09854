-- A phone number is stored as E.164 has it, which has no trunk zero: +44 (0)7911 123456 is +447911123456. Numbers of
-- other countries than Indonesia were stored with the zero where people had written it, so that one number could make
-- two people. These are the countries that dial such a zero at home only; in others (Italy, Congo) it belongs to the
-- number. Where users have both spellings, both stay as they are: the proof of the number will tell its owner, and from
-- now on the wrong spelling finds no user.
update users set phone = spelt.phone, updated_at = now()
  from (select id, regexp_replace(phone, '^\+(20|27|31|32|33|40|41|43|44|46|49|51|53|54|55|57|58|60|61|63|64|66|81|82|84|86|90|91|92|93|94|95|98'
          || '|211|212|213|218|231|232|233|234|243|249|250|251|252|254|255|256|260|261|262|263|264|265|291|353|355|358|359|370|373|374|377'
          || '|380|381|382|383|385|386|387|389|421|423|508|590|591|593|594|595|596|598|686|850|855|856|880|886|961|962|963|964|966|967|970'
          || '|971|972|976|977|994|995|996)0([1-9]\d+)$', '+\1\2') as phone from users) as spelt
 where spelt.id = users.id and spelt.phone <> users.phone and not exists (select from users other where other.phone = spelt.phone);
