/** Given names of many languages, in lower case, written from general knowledge; a feature of the name tagger, and what it is trained on. */
export const givenNames: ReadonlySet<string> = new Set(
  `james john robert michael william david richard joseph thomas charles christopher daniel matthew anthony mark donald
steven paul andrew joshua kenneth kevin brian george timothy ronald edward jason jeffrey ryan jacob gary nicholas eric
jonathan stephen larry justin scott brandon benjamin samuel gregory alexander patrick frank raymond jack dennis jerry
tyler aaron jose adam nathan henry zachary douglas peter kyle noah ethan jeremy walter christian keith roger terry
austin sean gerald carl harold dylan arthur lawrence jordan jesse bryan billy bruce gabriel joe logan alan juan albert
willie elijah wayne randy vincent mason roy ralph bobby russell bradley philip eugene liam oliver lucas theo leo oscar
archie alfie harry freddie finn callum ewan rhys gareth dafydd ieuan owen declan cormac eoin niall padraig seamus
oisin cillian ronan conor brendan fergus hamish angus alasdair duncan graham ian neil colin nigel trevor clive simon
mary patricia jennifer linda elizabeth barbara susan jessica sarah karen lisa nancy betty margaret sandra ashley
kimberly emily donna michelle carol amanda dorothy melissa deborah stephanie rebecca sharon laura cynthia kathleen amy
angela shirley anna brenda pamela emma nicole helen samantha katherine christine debra rachel carolyn janet catherine
maria heather diane ruth julie olivia joyce virginia victoria kelly lauren christina joan evelyn judith megan andrea
cheryl hannah jacqueline martha gloria teresa ann sara madison frances kathryn janice jean abigail alice julia judy
sophia denise amber doris marilyn danielle beverly isabella theresa diana natalie brittany charlotte marie kayla
alexis lori fiona aisling siobhan niamh saoirse orla aoife ciara grainne maeve bronwen carys sian nerys rhiannon
catriona morag eilidh isla poppy freya phoebe chloe ellie imogen harriet matilda beatrice florence ivy ava mia zoe
hans klaus jurgen jürgen wolfgang dieter helmut günther gunther heinz karl friedrich ludwig matthias andreas stefan
markus florian sebastian tobias lukas jonas niklas maximilian moritz felix jannik torsten uwe bernd rainer manfred
ulrich joachim heike sabine ute anke katrin kerstin birgit petra monika ursula gisela renate ingrid gudrun silke
annika lena leonie johanna greta liesel mareike jana franziska antje britta
jean pierre jacques michel philippe alain bernard claude françois francois laurent olivier nicolas julien guillaume
antoine mathieu thibault étienne etienne rémi remi luc yves gilles thierry pascal didier hugo gaston marcel rené rene
baptiste quentin maxime clément clement amélie amelie camille chloé élodie elodie céline celine sylvie isabelle
nathalie valérie valerie brigitte monique françoise francoise véronique veronique aurélie aurelie margaux manon léa
inès ines juliette mathilde geneviève genevieve solène solene agathe
juan carlos josé luis miguel antonio francisco manuel pedro jesús jesus alejandro javier fernando rafael sergio jorge
alberto diego pablo andrés andres raúl raul álvaro alvaro rubén ruben iván ivan adrián adrian gonzalo rodrigo ramón
ramon ignacio joaquín joaquin esteban emilio hernán hernan mauricio gustavo guillermo ricardo eduardo enrique
cristóbal santiago mateo matías facundo thiago maría carmen ana isabel pilar lucía lucia paula marta elena rosa
dolores cristina mercedes concepción concepcion teresa raquel beatriz montserrat sofía sofia valentina camila
mariana ximena guadalupe alejandra gabriela daniela fernanda catalina verónica rocío rocio consuelo marisol paloma
inés luz itziar ainhoa nerea aitor iker unai jordi mercè oriol xavier
giovanni giuseppe antonio mario luigi francesco angelo vincenzo pietro salvatore domenico franco bruno paolo michele
giorgio aldo luca marco andrea matteo alessandro davide simone lorenzo riccardo federico gianluca stefano fabio
roberto massimo enzo dario giulia chiara francesca federica silvia elisa alessia martina giorgia sara valeria
ilaria paola giovanna antonella rosaria lucrezia ginevra bianca ludovica serena
joão joao josé paulo luís luiz pedro tiago diogo gonçalo goncalo rui nuno miguel vasco afonso duarte bernardo caio
vinícius vinicius thiago leandro rafael renato fábio otávio murilo heitor davi beatriz mariana carolina leonor inês
matilde joana catarina fernanda juliana letícia leticia larissa bruna camila yasmin raquel luana isadora
jan piotr krzysztof andrzej tomasz paweł pawel michał michal marcin jakub kacper szymon wojciech grzegorz łukasz
lukasz mateusz zbigniew stanisław stanislaw bogdan mirosław miroslaw agnieszka katarzyna małgorzata malgorzata
magdalena joanna barbara ewa anna zofia aleksandra karolina natalia weronika dorota beata grażyna jolanta iwona
jiří jiri petr pavel tomáš tomas martin jaroslav miroslav zdeněk zdenek václav vaclav ondřej ondrej vojtěch vojtech
kateřina katerina lenka hana jana eva věra tereza markéta lucie veronika zuzana ivana božena ľubomír juraj
andrej peter milan marek matej tomáš zoltán zoltan lászló laszlo istván istvan józsef jozsef jános janos ferenc
sándor sandor gábor gabor attila balázs balazs bence ádám tamás tamas éva eszter katalin ilona erzsébet erzsebet
zsuzsanna zsófia judit ágnes agnes anikó réka dóra boglárka
ivan dmitri dmitry sergei sergey alexei aleksei alexey andrei andrey nikolai nikolay vladimir mikhail yuri oleg igor
pavel viktor boris anatoly evgeny yevgeny konstantin maksim artem kirill denis roman ruslan timur stanislav vadim
olga natalia natalya tatiana tatyana svetlana irina elena ekaterina anastasia maria marina ludmila lyudmila galina
yulia oksana daria ksenia polina alina vera nadezhda larisa zoya varvara taras bohdan volodymyr oleksandr mykola
andriy serhiy yaroslav ostap oleksiy kateryna solomiya halyna
marko nikola luka stefan milos miloš jovan dragan zoran goran milan dejan bojan nenad vuk petar ante josip tomislav
ivica mate hrvoje krešimir domagoj jelena ivana marija ana milica dragana vesna snežana ljiljana mirjana katarina
maja lejla amra emina selma amir adnan edin haris mirza tarik jasmin senad nermin
georgi dimitar ivaylo krasimir plamen stoyan hristo todor desislava gergana radka tsvetana ion ioan gheorghe
mihai andrei ștefan stefan constantin vasile nicolae florin cristian adrian bogdan radu dan mircea elena ioana
andreea alexandra mihaela simona raluca roxana gabriela
giorgos georgios yiannis ioannis dimitris dimitrios nikos nikolaos kostas konstantinos panagiotis vasilis christos
spyros stavros eleni katerina sofia dimitra angeliki vasiliki ioanna despina kalliopi athina
lars erik anders johan karl per nils sven gustaf mikael fredrik henrik magnus björn bjorn olof axel viktor emil
elin anna karin kristina lena ingrid birgitta astrid linnea saga ebba maja sofie ida frida amanda malin
ole knut odd rolf leif arne tor trond geir øyvind oyvind håkon hakon sigurd eirik ragnhild solveig kari anne marit
ingeborg silje søren soren jens niels mads rasmus kasper mikkel frederik jesper mette lone hanne kirsten pernille
signe maja freja jón jon gunnar sigurður olafur ólafur einar þór thor guðrún gudrun sigríður kristín helga
juha matti timo kari mikko antti jari pekka heikki eero ville aleksi onni väinö tuula anneli päivi ritva aino
helmi sanna marja kaisa tiina johanna juho rein toomas jaan kristjan maarja liis jānis janis andris juris edgars
valdis inga ilze jonas mantas tomas vytautas darius rūta egle ieva
jan pieter kees henk willem johannes gerrit maarten bart joost sander jeroen bas thijs daan sem lotte sanne anouk
femke marijke saskia annelies joke truus wouter koen dirk stijn griet an els
mehmet mustafa ahmet ali hüseyin huseyin hasan ibrahim osman yusuf murat emre burak can cem kerem serkan tolga onur
fatma ayşe ayse emine hatice zeynep elif meryem şerife sultan zehra esra merve büşra selin ece gizem deniz
mohammed muhammad mohamed mohammad ahmed ahmad omar umar hassan hussein hussain khalid tariq yousef youssef bilal
karim rashid samir nabil faisal abdullah abdul abdulrahman salman sultan fahad walid ziad jamal kareem hamza anwar
fatima aisha khadija zainab maryam layla leila noor nour huda amina samira rania dina yasmin hala salma mona nadia
rahma zahra sumaya reem lina dalia farah hiba imane
reza amir hossein mehdi ali saeed majid behrouz dariush cyrus farhad kaveh shirin maryam zahra parisa nasrin azadeh
mahsa niloufar golnaz soraya
avraham moshe yitzhak yaakov david shlomo eitan noam itai yael noa tamar shira michal rivka avital ofer gil amit
tigran armen vartan hayk aram ani anahit lusine nino giorgi levan davit tamar ketevan zurab
rahul amit rajesh sanjay vijay suresh ramesh anil sunil ajay ravi arun manoj deepak vikram arjun rohan rohit nikhil
aditya karan varun siddharth pranav krishna ganesh mahesh dinesh naveen harish kiran prakash ashok vivek abhishek
ishaan kabir aarav vihaan priya anjali pooja neha kavita sunita anita geeta lakshmi deepa divya shreya ananya aishwarya
swati meera radha sita savitri lata asha usha nisha ritu sneha isha diya kavya jyoti rekha shanti padma indira
gurpreet harpreet manpreet jaspreet balwinder simran amrita navjot imran asif zubair farhan shahid nadeem wasim
junaid saima sana hina nasreen rubina shabana tahmina farzana rafiq kamal nasir rashida nusrat
wei ming li jing xiaoming xiaoli yan fang hong hui jun lei ling mei na ping qiang tao xia xin yang ying yong yu yun
zhen haoran zihan yuxuan jiaqi ruoxi yichen mingyu chen guang hua jianguo weidong shufen lihua xiuying guoqiang
wenjie meiling siu wing kwok chi ka yee hoi
hiroshi takashi kenji satoshi yuki haruto sota ren daiki kazuki takumi yuto shota kenta naoki makoto akira ichiro
taro jiro shigeru hideo masao noboru yoko keiko yumi sakura hana aoi yui mei rin misaki ayumi naomi tomoko kyoko
haruka akiko emiko michiko sachiko chiyo
min-jun seo-yeon ji-hoon ji-woo soo-jin hye-jin young-ho sung-min jae-hyun dong-hyun eun-ji hyun-woo kyung-soo
minjun jiwoo jihoon seoyeon hyejin sungmin jisoo minho taehyung yoona sooyoung
minh anh linh trang huong thao nga lan hoa mai tuan hung dung long quang hai duc thanh phuong ngoc thuy van khanh
somchai somsak prasert niran apinya siriporn kanya malee suda
budi agus slamet sri siti dewi putri wayan made ketut nyoman joko bambang eko rizky dian ratna indah yanti nur
ayu aulia aminah zainal hafiz azman faridah rosnah
juan maria jose rosario marites rowena jomar jericho analyn
kwame kofi kwabena yaw kojo ama akosua abena efua adwoa chinedu emeka chukwuemeka obinna ifeanyi ngozi chioma
adaeze amaka uchenna tunde olumide babatunde segun ayodele folake yetunde abimbola oluwaseun femi bola aminu musa
sani halima hauwa zainab tendai tatenda farai rudo chipo tariro thabo sipho mandla themba bongani nomvula thandi
lerato naledi zanele ayanda juma hamisi baraka amani wanjiru njeri wambui kamau otieno achieng atieno wangari
kipchoge chebet mutiso abebe tesfaye girma haile tadesse selam hiwot mulugeta alemayehu mamadou amadou ousmane
ibrahima moussa fatou aminata awa mariama cheikh seydou boubacar
malia keanu kai leilani sione tevita mere aroha tane wiremu hemi hine ngaire moana nikau
alex chris sam pat max ben tom tim jim bob bill dave mike steve nick matt dan joe rob ron ken ted ed greg jeff josh
zach jake luke drew kate katie liz beth sue jen jenny jess becky mandy cindy tina gina debbie peggy molly annie
maggie nora ella lily ruby luna stella nina eva iris clara rosa vera elsa mona lola carla marina eliza edith
priscilla winifred gwendolyn mabel agatha cecilia vivian yvonne colleen maureen eileen bridget rosemary marjorie
hugh gilbert stanley clarence leonard cedric reginald percy cyril rupert jasper barnaby quincy malcolm
jamal darnell tyrone deshawn lamar marquis latoya keisha shanice tamika ebony imani aaliyah kiara`
    .split(/\s+/)
    .filter((name) => name !== ""),
);
