import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { EntityType } from "../../../src/privacy/entity.ts";
import { findEntities } from "../../../src/privacy/recogniser.ts";

/** What of `text` is found as `type`, to the letter. */
function found(text: string, type: EntityType): string[] {
  return findEntities(text, [])
    .filter((entity) => entity.type === type)
    .map(({ start, end }) => text.slice(start, end));
}

/** Each row: the type, a text in which ⟦…⟧ marks what must be found as it and nothing else must. */
const marked: readonly (readonly [EntityType, string])[] = [
  ["EMAIL", "mail ⟦john.smith+news@mail.example.co.uk⟧, please"],
  ["EMAIL", "<⟦a@b.example⟧>"],
  ["EMAIL", 'href="mailto:⟦john@example.com⟧"'],
  ["EMAIL", "email=⟦john@example.com⟧&x=1"],
  ["EMAIL", "reach me at ⟦john dot smith at gmail dot com⟧ please"],
  ["EMAIL", "write to ⟦jane.doe [at] example [dot] org⟧"],
  ["EMAIL", "write to ⟦jane(at)example.org⟧"],
  ["EMAIL", "it is ⟦jane.doe at gmail.com⟧ ok"],
  ["EMAIL", "mail ⟦jo\u200bhn@exa\u200bmple.com⟧ now"],
  ["EMAIL", "contact: ⟦john＠example．com⟧"],
  ["EMAIL", "contact ⟦john&#64;example.com⟧ ok"],
  ["EMAIL", "Kontakt: ⟦jürgen.müller@exämple.de⟧"],
  ["EMAIL", "meet me at noon at example street"],
  ["EMAIL", "the @Override annotation and @types/node@20"],
  ["CREDIT_CARD", "card ⟦4111 1111 1111 1111⟧"],
  ["CREDIT_CARD", "⟦5105-1051-0510-5100⟧"],
  ["CREDIT_CARD", "amex ⟦3782 822463 10005⟧."],
  ["CREDIT_CARD", "id_⟦4111111111111111⟧_x"],
  ["CREDIT_CARD", "card ⟦４１１１ １１１１ １１１１ １１１１⟧"],
  ["CREDIT_CARD", "my card number is ⟦4111 1111 1111 1112⟧"],
  ["CREDIT_CARD", "order 4111111111111112 has shipped"],
  ["CREDIT_CARD", "timestamps 1700000000000 and 1700000000123"],
  ["IBAN", "to ⟦DE89 3704 0044 0532 0130 00⟧ thanks"],
  ["IBAN", "iban ⟦de89370400440532013000⟧"],
  ["IBAN", "⟦GB29-NWBK-6016-1331-9268-19⟧"],
  ["IBAN", "code DE89370400440532013001 here"],
  ["SSN", "my ssn is ⟦219-09-9999⟧"],
  ["SSN", "SSN: ⟦219099999⟧"],
  ["SSN", "my social is ⟦219 09 9999⟧"],
  ["SSN", "ssn ⟦219–09–9999⟧"],
  ["SSN", "part 219099999 and 219 09 9999"],
  ["NATIONAL_ID", "CPF ⟦390.533.447-05⟧"],
  ["NATIONAL_ID", "DNI ⟦54362315K⟧"],
  ["NATIONAL_ID", "codice fiscale ⟦RCCMNL83S18D969H⟧"],
  ["NATIONAL_ID", "passport number ⟦C01X00T47⟧"],
  ["NATIONAL_ID", "my driver's license number is ⟦2270-66-1551⟧"],
  ["NATIONAL_ID", "her NI number is ⟦QQ 12 34 56 C⟧"],
  ["NATIONAL_ID", "account number ⟦12345678⟧, sort code ⟦20-00-00⟧"],
  ["NATIONAL_ID", "routing ⟦021000021⟧, account ⟦000123456789⟧"],
  ["NATIONAL_ID", "On this account 12 people of the team took part in routing."],
  ["NATIONAL_ID", "DNI 54362315A"],
  ["IP", "from ⟦203.0.113.9⟧:8080"],
  ["IP", "blocked ⟦203[.]0[.]113[.]9⟧"],
  ["IP", "from ⟦fe80::1ff:fe23:4567:890a⟧"],
  ["IP", "⟦2001:db8:a8ea:f97e:e39e:b4ea:f72e:bc83⟧"],
  ["IP", "version 10.0.1.2 of the tool, std::vector, 12:30:45"],
  ["MAC", "nic ⟦00:1b:44:11:3a:b7⟧ and ⟦00-1B-44-11-3A-B7⟧"],
  ["URL", "see ⟦https://api.example.com/cb?access_token=abc123DEF456ghi789⟧"],
  ["URL", "clone ⟦https://bob:s3cr3t@git.example.com/r.git⟧"],
  ["URL", "⟦https://app.example.com/reset/9f8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d⟧"],
  ["URL", "see https://example.com/docs/getting-started-with-node-20?page=2"],
  ["URL", `pip install -i ⟦https://aws:${"aB3".repeat(400)}@x.codeartifact.example/simple⟧`],
  ["PATH", "in ⟦/home/jsmith/src/app.ts⟧:12"],
  ["PATH", "open ⟦C:\\Users\\jsmith\\Documents\\x.docx⟧"],
  ["PATH", "in /home/user/app and /usr/local/bin and C:\\Windows\\x"],
  ["SECRET", "key ⟦AKIAIOSFODNN7EXAMPLE⟧"],
  ["SECRET", "AWS ⟦AKIAIOSFODNN7EXAMPLE⟧ and ⟦wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY⟧"],
  ["SECRET", "aws s3 sync at commit 3f786850e387550fdab836ed7e6dc881de23001b"],
  ["SECRET", "⟦ghp_abcdefghijklmnopqrstuvwxyz0123456789⟧"],
  ["SECRET", "jwt-⟦eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.a1b2-C3D4⟧"],
  ["SECRET", "⟦postgres://admin:hunter2@db.internal:5432/prod⟧"],
  ["SECRET", "DB_PASSWORD=⟦Tr0ub4dor&3⟧"],
  ["SECRET", "my password is ⟦correcthorse42!⟧, is it safe?"],
  ["SECRET", 'api_key: "⟦a8f5f167f44f4964e6c998dee827110c⟧"'],
  ["SECRET", "password = process.env.PASSWORD; token = getToken()"],
  ["SECRET", "The password is required. A token is a word."],
  ["CRYPTO", "send to ⟦1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa⟧"],
  ["CRYPTO", "send to ⟦bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq⟧"],
  ["CRYPTO", "send to ⟦0x52908400098527886E0F7030069857D2E4169EE7⟧"],
  ["CRYPTO", "commit 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"],
  ["PHONE", "tel. ⟦612 345 678⟧ (Madrid)"],
  ["PHONE", "请拨打 ⟦138 1234 5678⟧ 联系我"],
  ["PHONE", "전화 ⟦010-1234-5678⟧"],
  ["PHONE", "call ⟦(415) 555-0132 ext. 22⟧"],
  ["PHONE", "⟦+49 (0)30/123 456-78⟧"],
  ["PHONE", "call ⟦two one two five five five zero one nine nine⟧"],
  ["PHONE", "اتصل بي ⟦٠٥٠١٢٣٤٥٦٧⟧"],
  ["PHONE", "tel.⟦212.555.0199⟧"],
  ["PHONE", "Phone:\n⟦28-64-66-98⟧\n"],
  ["PHONE", "⟦259.735.7502x459⟧ fax"],
  ["PHONE", "between 1990-2000 and 2024-05-01, 1 000 000 people, order number 1234567"],
  ["BIRTH_DATE", "生年月日: ⟦1988年4月2日⟧"],
  ["BIRTH_DATE", "born on ⟦3 May 1971⟧"],
  ["BIRTH_DATE", "DOB: ⟦1971-05-03⟧"],
  ["BIRTH_DATE", "due on 3 May 2026"],
  ["ADDRESS", "I live at ⟦742 Evergreen Terrace, Apt 3, Springfield, IL 62704⟧ now"],
  ["ADDRESS", "Her flat: ⟦Calle Mayor 166, 36125 Valencia⟧."],
  ["ADDRESS", "an ⟦Hauptstraße 12, 10115 Berlin⟧ senden"],
  ["ADDRESS", "⟦12 rue de la Paix, 75002 Paris⟧"],
  ["ADDRESS", "to ⟦P.O. Box 104⟧ please"],
  ["ADDRESS", "In 1920 the War ended. Chapter 12 is short. During 1999 it rained."],
  ["PERSON", "你好,我叫⟦王小明⟧。"],
  ["PERSON", "名前は⟦田中花子⟧です"],
  ["PERSON", "제 이름은 ⟦김민수⟧입니다"],
  ["PERSON", "这本书叫什么名字?"],
  ["PERSON", "اسمي ⟦محمد العتيبي⟧."],
  ["PERSON", "मेरा नाम ⟦राजेश कुमार⟧ है"],
  ["PERSON", "chào bạn, tôi tên là ⟦Trần Văn Hùng⟧"],
  ["PERSON", "My name is ⟦Itsuki Watanabe⟧ and I am late."],
  ["PERSON", "my name is ⟦itsuki watanabe⟧ and i am late"],
  ["PERSON", "Best regards,\n⟦Ilse Maier⟧"],
  ["PERSON", "Dear Ms. ⟦Kowalska⟧, thanks"],
  ["PERSON", "I work with ⟦Priya Raghunathan⟧ and ⟦Tunde Bakare⟧."],
  ["PERSON", '{"name": "⟦Prakash Singh⟧"}'],
  ["PERSON", "What is machine learning? Explain it in simple words."],
  ["PERSON", "PeerLLM and Python are not people."],
  ["ORG", "the offer of ⟦Next Mediaworks Ltd⟧ and ⟦Littelfuse Inc.⟧"],
  ["LOCATION", "the weather in ⟦Buenos Aires⟧ and ⟦Kenya⟧"],
];

describe("recognisers", () => {
  it.each(marked)("find %s in %j", (type, text) => {
    const plain = text.replace(/[⟦⟧]/g, "");
    const wanted = [...text.matchAll(/⟦([^⟧]*)⟧/g)].map((match) => match[1] ?? "");
    expect(found(plain, type).map((value) => value.replace(/\.$/, ""))).toEqual(
      wanted.map((value) => value.replace(/\.$/, "")),
    );
  });

  it("read a URL of any number of parts", () => {
    expect(found(`https://a.example/${"a1-".repeat(150_000)}`, "URL")).toEqual([]);
  });

  it("find the user's own words, whole and in any case", () => {
    const text = "Bluebird and BLUEBIRD, not bluebirds";
    const own = findEntities(text, ["bluebird"]).filter((entity) => entity.type === "WORD");
    expect(own.map(({ start, end }) => text.slice(start, end))).toEqual(["Bluebird", "BLUEBIRD"]);
  });
});

describe("the project's own labelled sentences", () => {
  interface Row {
    readonly text: string;
    readonly spans: readonly { readonly start: number; readonly end: number; readonly type: string }[];
  }
  const rows: Row[] = readFileSync(new URL("../../fixtures/privacy.jsonl", import.meta.url), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

  it.each(["EMAIL", "IBAN", "SSN", "IP", "CREDIT_CARD", "PHONE", "PERSON", "LOCATION", "ADDRESS", "ORG"])(
    "are masked where they are %s",
    (type) => {
      let count = 0;
      let masked = 0;
      for (const { text, spans } of rows) {
        const entities = findEntities(text, []);
        for (const span of spans.filter((candidate) => candidate.type === type)) {
          count += 1;
          masked += entities.some((entity) => entity.start <= span.start && span.end <= entity.end) ? 1 : 0;
        }
      }
      expect(count).toBeGreaterThan(0);
      const least = { PERSON: 0.85, LOCATION: 0.75, PHONE: 0.93, ADDRESS: 0.6, ORG: 0.5 }[type] ?? 1;
      expect(masked / count).toBeGreaterThanOrEqual(least);
    },
  );
});
