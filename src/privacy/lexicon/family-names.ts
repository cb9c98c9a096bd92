/** Family names of many languages, in lower case, written from general knowledge; a feature of the name tagger, and what it is trained on. */
export const familyNames: ReadonlySet<string> = new Set(
  `smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez gonzalez wilson anderson
thomas taylor moore jackson martin lee perez thompson white harris sanchez clark ramirez lewis robinson walker young
allen king wright scott torres nguyen hill flores green adams nelson baker hall rivera campbell mitchell carter
roberts gomez phillips evans turner diaz parker cruz edwards collins reyes stewart morris morales murphy cook rogers
gutierrez ortiz morgan cooper peterson bailey reed kelly howard ramos kim cox ward richardson watson brooks chavez
wood bennett gray mendoza ruiz hughes price alvarez castillo sanders patel myers long ross foster jimenez powell
jenkins perry russell sullivan bell coleman butler henderson barnes gonzales fisher vasquez simmons jordan patterson
reynolds hamilton graham wallace griffin west cole hayes bryant herrera gibson ellis tran medina aguilar stevens
murray ford castro marshall owens harrison fernandez mcdonald woods washington kennedy wells vargas henry chen
freeman webb tucker guzman burns crawford olson simpson porter hunter gordon mendez silva shaw snyder mason dixon
munoz hunt hicks holmes palmer wagner black robertson boyd stone salazar fox warren mills meyer rice schmidt garza
daniels ferguson nichols stephens soto weaver ryan gardner payne grant dunn kelley spencer hawkins arnold pierce
hansen peters santos hart bradley knight elliott cunningham duncan armstrong hudson carroll lane riley andrews
alvarado ray delgado berry perkins hoffman johnston matthews pena richards contreras willis carpenter lawrence
sandoval guerrero george chapman rios estrada ortega watkins greene nunez wheeler valdez harper burke larson
santiago maldonado morrison franklin carlson austin dominguez carr lawson jacobs obrien lynch singh vega bishop
montgomery oliver jensen harvey williamson gilbert dean sims espinoza howell li wong reid hanson le mccoy garrett
burton fuller wang weber welch rojas lucas marquez fields park yang little banks padilla day walsh bowman schultz
luna fowler mejia o'brien o'connor o'neill o'sullivan o'reilly fitzgerald mccarthy mackenzie macdonald mcgregor
mclean sinclair doyle byrne gallagher brennan callaghan nolan maguire pritchard llewellyn bevan whitaker ashworth
blackwood hargreaves thornton wentworth pemberton holloway featherstone winterbottom
müller muller schmidt schneider fischer weber meyer wagner becker schulz hoffmann schäfer schafer koch bauer richter
klein wolf schröder schroder neumann schwarz zimmermann braun krüger kruger hofmann hartmann lange werner krause
lehmann köhler maier mayer huber kaiser fuchs vogel friedrich keller günther berger winkler lorenz baumann schuster
kraus böhm simon franke albrecht winter ludwig martens steinbach eberhardt brandt hirsch lindemann ziegler pfeiffer
martin bernard dubois durand leroy moreau laurent lefebvre lefèvre roux fournier morel girard mercier dupont
lambert bonnet garnier faure rousseau blanc guerin boyer chevalier gauthier perrin fontaine lemaire renard
beaumont delacroix marchand benoit dufour blanchard charpentier desjardins tremblay gagnon bouchard cote
rossi russo ferrari esposito bianchi romano colombo ricci marino greco bruno gallo conti deluca de-luca mancini
costa giordano rizzo lombardi moretti barbieri fontana santoro mariani rinaldi caruso ferrara galli martini leone
longo gentile martinelli vitale lombardo serra coppola marchetti parisi villa conte ferraro ferri bianco marini
garcía martínez lópez sánchez pérez gómez fernández álvarez jiménez ruiz hernández díaz moreno muñoz romero
alonso gutiérrez navarro domínguez vázquez ramos gil serrano blanco suárez molina ortega delgado castro rubio
marín sanz iglesias núñez medina garrido cortés castillo lozano guerrero cano prieto méndez calvo vidal cruz gallego
león márquez herrera peña cabrera campos vega fuentes carrasco reyes aguilar santana etxeberria zubizarreta quispe
mamani huaman condori cardenas figueroa sepulveda valenzuela zamora villanueva quintero arango restrepo echeverri
silva santos oliveira souza sousa rodrigues ferreira alves pereira lima gomes costa ribeiro carvalho almeida lopes
soares fernandes vieira barbosa rocha dias nascimento andrade moreira nunes marques machado mendes freitas cardoso
ramos gonçalves goncalves teixeira cavalcanti azevedo monteiro correia cunha pinto moura barros campos
nowak kowalski wiśniewski wisniewski wójcik wojcik kowalczyk kamiński kaminski lewandowski zieliński zielinski
szymański szymanski woźniak dąbrowski dabrowski kozłowski kozlowski jankowski mazur kwiatkowski krawczyk piotrowski
grabowski zając pawłowski michalski król nowicki wieczorek wróbel jabłoński kowalska nowakowska lewandowska
novák novak svoboda novotný novotny dvořák dvorak černý cerny procházka prochazka kučera kucera veselý horák horak
němec pokorný pospíšil hájek král růžička beneš fiala sedláček nováková svobodová dvořáková horváth horvath kováč
kovac varga tóth toth nagy baláž molnár molnar szabó szabo kovács kovacs németh nemeth farkas papp takács juhász
lakatos mészáros oláh simon rácz fekete szilágyi
ivanov petrov sidorov smirnov kuznetsov popov vasiliev sokolov mikhailov novikov fedorov morozov volkov alekseev
lebedev semenov egorov pavlov kozlov stepanov nikolaev orlov andreev makarov nikitin zakharov zaitsev solovyov
borisov yakovlev grigoriev romanov vorobiev sergeev kuzmin frolov aleksandrov dmitriev korolev gusev kiselev
ivanova petrova smirnova kuznetsova popova volkova sokolova shevchenko kovalenko bondarenko tkachenko kravchenko
oliynyk koval polishchuk lysenko marchenko savchenko melnyk moroz rudenko petrenko lukashenko
jovanović jovanovic petrović petrovic nikolić nikolic marković markovic đorđević djordjevic stojanović ilić ilic
stanković pavlović popović popovic horvat kovačević kovacevic babić babic marić juric jurić novaković knežević
perić bošnjak hadžić begić hodžić delić muratović ibrahimović zupan krajnc zupančič potočnik
ivanova georgiev dimitrov petkov todorov stoyanov angelov hristov popescu ionescu popa radu dumitru stan stoica
gheorghe matei ciobanu rusu munteanu constantinescu moldovan diaconu papadopoulos papadakis georgiou nikolaidis
vasileiou oikonomou makris ioannidis karagiannis pappas antoniou christodoulou stavropoulos
andersson johansson karlsson nilsson eriksson larsson olsson persson svensson gustafsson pettersson jonsson jansson
hansson bengtsson jönsson lindberg lindström lindstrom lindqvist lundberg bergström holm sandberg nyström hansen
johansen olsen larsen andersen pedersen nilsen kristiansen jensen karlsen berg haugen hagen solberg bakken lie dahl
nielsen christensen rasmussen sørensen sorensen thomsen madsen kristensen møller moller mortensen korhonen virtanen
mäkinen nieminen mäkelä hämäläinen laine heikkinen koskinen järvinen lehtonen saarinen tamm saar sepp ozols berzins
kalnins kazlauskas petrauskas jankauskas jónsson sigurðsson guðmundsdóttir gunnarsdóttir einarsson
de-vries jansen devries bakker visser smit meijer mulder bos vos peters hendriks vanderberg dijkstra smits kok
jacobs vermeulen dekker brouwer hoekstra willems claes maes mertens peeters goossens wouters dewit
yılmaz yilmaz kaya demir çelik celik şahin sahin yıldız yildiz yıldırım öztürk ozturk aydın aydin özdemir arslan
doğan dogan kılıç kilic aslan çetin kara koç kurt özkan şimşek polat erdoğan
al-sayed khan ahmed hussain malik sheikh chaudhry qureshi siddiqui butt iqbal mirza ansari farooq rahman islam
hossain chowdhury begum akter haddad khoury mansour nasser saleh hamdan khalil ibrahim hassan abbas najjar sabbagh
aziz rashid mahmoud el-masry farouk benali bouazizi haddou amrani idrissi cherkaoui al-rashid al-farsi bin-laden
hosseini ahmadi mohammadi karimi rezaei jafari moradi tehrani farahani cohen levy mizrahi peretz friedman katz
goldberg rosenberg shapiro feldman weiss stern grossman hakobyan petrosyan sargsyan grigoryan beridze kapanadze
gelashvili lomidze aliyev mammadov huseynov
sharma verma gupta agarwal kumar singh patel shah mehta desai joshi iyer iyengar nair menon pillai reddy rao naidu
chatterjee banerjee mukherjee ghosh das bose sen dutta roy chakraborty mishra tiwari pandey dubey trivedi shukla
yadav jain kapoor malhotra khanna chopra bhatia arora sethi gill sidhu dhillon grewal sandhu kaur bhatt kulkarni
deshpande patil jadhav pawar shinde krishnan subramanian venkatesan raghavan murthy hegde shetty perera fernando
silva jayawardena gunawardena wickramasinghe rajapaksa thapa gurung shrestha tamang rai
wang li zhang liu chen yang huang zhao wu zhou xu sun ma zhu hu guo he lin gao luo zheng liang xie song tang xu
deng han feng cao peng zeng xiao tian dong pan yuan cai jiang yu du ye cheng wei su lu ding ren shen yao lu cui
tan chan wong leung cheung ho lau ng lam kwok chow yip tsang yeung mak siu goh lim teo koh ong chua
sato suzuki takahashi tanaka watanabe ito yamamoto nakamura kobayashi kato yoshida yamada sasaki yamaguchi matsumoto
inoue kimura hayashi shimizu yamazaki mori abe ikeda hashimoto ishikawa yamashita ogawa ishii hasegawa okada
fujita goto maeda murakami kondo endo aoki sakamoto saito fukuda nishimura ota miura fujiwara okamoto nakajima
kim lee park choi jung kang cho yoon jang lim han oh seo shin kwon hwang ahn song hong jeon moon bae baek yoo
nguyen tran le pham hoang phan vu vo dang bui do ngo duong ly trinh dinh truong luong
suharto wijaya santoso kusuma pratama saputra hidayat nugroho setiawan wibowo gunawan susanto hartono siregar
nasution sihombing situmorang abdullah ismail rahman hassan reyes cruz bautista ocampo garcia dela-cruz mendoza
aquino villanueva pangilinan macaraeg srisai saetang chaiyasit wongsakul
okafor okonkwo eze nwosu obi adeyemi adebayo ogunleye oladipo balogun adesanya afolabi okeke nnamdi chukwu uche
bello abubakar mohammed usman danjuma mensah owusu boateng asante appiah agyemang osei addo amoah ndlovu dlamini
nkosi khumalo zulu mthembu sithole mokoena molefe van-der-merwe botha pretorius naidoo govender moyo ncube
chikwanda mutasa banda phiri mwale tembo mwangi kamau kariuki njoroge omondi odhiambo ochieng kiprotich wanjiku
mutua kimani abdi hassan warsame farah mohamud tesfaye bekele tadesse gebre haile diallo diop ndiaye fall sow
traore coulibaly keita toure camara kone cisse sarr ba konate ouattara mbeki kagame mugisha habimana nkurunziza
kealoha kahale tupou fonoti tuilagi ngata parata tamihana`
    .split(/\s+/)
    .filter((name) => name !== ""),
);
