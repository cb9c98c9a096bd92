/** The project's own sentences in other languages, most without a name: where German writes nouns with capitals, and where a lower-case word is only foreign. */
export const otherLanguages: readonly string[] = `
Schreibe bitte einen Brief an meine Versicherung wegen des Schadens an der Tür.
Kannst du mir beim Lebenslauf helfen? Ich suche eine Stelle als Ingenieur.
Erkläre mir den Unterschied zwischen einem Virus und einem Bakterium.
Was ist die Hauptstadt von {L}?
Ich heiße {P} und wohne in {L}.
Mein Chef {P} hat mir gekündigt, was kann ich tun?
Sehr geehrte Frau {F}, vielen Dank für Ihre Nachricht.
Sehr geehrter Herr {F}, anbei finden Sie die Rechnung.
Liebe {G}, wie geht es dir?
Mit freundlichen Grüßen\n{P}
Die Firma {O} hat die Bestellung nicht geliefert.
Der Motor ist kaputt und die Werkstatt verlangt zu viel Geld.
Das Wetter ist heute schön, und die Kinder spielen im Garten.
Bitte fasse den folgenden Text in drei Sätzen zusammen.
Wie koche ich eine Suppe mit Kartoffeln, Zwiebeln und Sahne?
Die Katze schläft auf dem Sofa, der Hund liegt unter dem Tisch.
Am Montag beginnt die Schule, am Freitag ist frei.
Übersetze den Satz ins Englische: Guten Morgen, wie geht es Ihnen?
Im Jahr {N} wurde die Mauer gebaut.
Der Zug nach {L} hat Verspätung.
Die Regierung plant neue Gesetze zum Schutz der Umwelt.
Ein Vertrag zwischen Mieter und Vermieter regelt die Kündigung.
Peux-tu résumer cet article sur le climat et ses conséquences ?
Écris une lettre à mon propriétaire pour demander une réparation.
Quelle est la capitale de {L} ?
Je m'appelle {P} et j'habite à {L}.
Mon frère {G} travaille chez {O}.
Bonjour Madame {F}, je vous remercie de votre réponse.
Cher {G}, merci pour ton message.
Cordialement,\n{P}
Explique la différence entre une fonction et une méthode.
Comment faire une tarte aux pommes avec de la crème et du beurre ?
Les enfants jouent dans le jardin et le chat dort sur le canapé.
Donne-moi trois idées de cadeau pour un anniversaire.
Traduis cette phrase en anglais : où est la gare ?
Le gouvernement prépare une nouvelle loi sur le travail.
Puedes escribir una carta a mi jefe pidiendo un aumento de sueldo.
¿Cuál es la capital de {L}?
Me llamo {P} y vivo en {L}.
Mi hermana {G} está enferma y no puede trabajar.
Estimado señor {F}, le escribo para reclamar una factura.
Querida {G}, ¿cómo estás?
Un saludo,\n{P}
Explica la diferencia entre un perro y un lobo.
¿Cómo se prepara una tortilla de patatas con cebolla?
Los niños juegan en el parque y el perro corre por la calle.
Resume el siguiente texto en dos frases.
Traduce al inglés: buenos días, ¿dónde está el baño?
El gobierno presentó una nueva ley sobre la vivienda.
La empresa {O} no ha pagado la factura.
Puoi scrivere una ricetta per la pasta al pomodoro con basilico fresco?
Qual è la capitale di {L}?
Mi chiamo {P} e abito a {L}.
Gentile signora {F}, la ringrazio per la risposta.
Caro {G}, come stai?
Cordiali saluti,\n{P}
Spiega la differenza tra un verbo e un aggettivo.
I bambini giocano nel giardino e il gatto dorme sul divano.
Riassumi il testo seguente in tre frasi.
Il governo ha presentato una nuova legge sul lavoro.
Scrivi una lettera al padrone di casa per il riscaldamento rotto.
il codice fiscale e la partita iva della ditta
Podes escrever um e-mail ao meu chefe a pedir férias?
Qual é a capital de {L}?
O meu nome é {P} e moro em {L}.
Prezado senhor {F}, venho por este meio reclamar.
Explique a diferença entre um ácido e uma base.
Como se faz um bolo de chocolate com leite e ovos?
As crianças brincam no jardim e o gato dorme no sofá.
Wat is de beste manier om Nederlands te leren?
Wat is de hoofdstad van {L}?
Ik heet {P} en ik woon in {L}.
Beste {G}, bedankt voor je bericht.
Geachte mevrouw {F}, hierbij stuur ik u de factuur.
Met vriendelijke groet,\n{P}
De kinderen spelen in de tuin en de kat slaapt op de bank.
Schrijf een brief aan mijn huisbaas over de kapotte verwarming.
Napisz wypracowanie o drugiej wojnie światowej i jej skutkach.
Jaka jest stolica {L}?
Nazywam się {P} i mieszkam w {L}.
Szanowna Pani {F}, dziękuję za odpowiedź.
Dzieci bawią się w ogrodzie, a kot śpi na kanapie.
Wyjaśnij różnicę między wirusem a bakterią.
Jmenuji se {P} a bydlím v {L}.
Vysvětli rozdíl mezi virem a bakterií.
Mit jelent ez a mondat? Írj egy levelet a főnökömnek.
Jag heter {P} och bor i {L}.
Vad är skillnaden mellan ett virus och en bakterie?
Jeg heter {P} og bor i {L}.
Hvad er forskellen mellem en virus og en bakterie?
Minun nimeni on {P} ja asun paikassa {L}.
Numele meu este {P} și locuiesc în {L}.
Benim adım {P} ve {L} şehrinde yaşıyorum.
Nama saya {P} dan saya tinggal di {L}.
Меня зовут {P}, я живу в городе {L}.
Напиши сочинение о войне и мире, пожалуйста.
Чем отличается вирус от бактерии?
`
  .trim()
  .split("\n")
  .map((line) => line.replaceAll("\\n", "\n"));
