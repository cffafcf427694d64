package main

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"adminassistant/functions/cloudtest"
	"adminassistant/functions/lambdatest"
	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/awstest"
)

// everywhere are the tests that run a second time on a deployment: the compiled functions behind a gateway and queues as those of AWS.
var everywhere = map[string]func(*testing.T){
	"TestFromAFileToTheLedgerAndBack":                   TestFromAFileToTheLedgerAndBack,
	"TestWhatIsWrongIsSaid":                             TestWhatIsWrongIsSaid,
	"TestConfigsChange":                                 TestConfigsChange,
	"TestASetUpIsAppliedExportedAndAppliedAgain":        TestASetUpIsAppliedExportedAndAppliedAgain,
	"TestASetUpIsCheckedBeforeAnythingChanges":          TestASetUpIsCheckedBeforeAnythingChanges,
	"TestSettings":                                      TestSettings,
	"TestCategories":                                    TestCategories,
	"TestPlacesAndMissingJourneys":                      TestPlacesAndMissingJourneys,
	"TestCustomersAndHours":                             TestCustomersAndHours,
	"TestACalendarOfAConfigIsDeletedWithForce":          TestACalendarOfAConfigIsDeletedWithForce,
	"TestConfigsThatShareAnArchiveAreTold":              TestConfigsThatShareAnArchiveAreTold,
	"TestWhatNeedsTheUser":                              TestWhatNeedsTheUser,
	"TestAudit":                                         TestAudit,
	"TestABackupOfACalendar":                            TestABackupOfACalendar,
	"TestABackupSaysWhatCannotBeRestoredToMicrosoft365": TestABackupSaysWhatCannotBeRestoredToMicrosoft365,
	"TestImportingABrokenFileSaysWhatWasSetAside":       TestImportingABrokenFileSaysWhatWasSetAside,
	"TestImportingManyNewEventsDoesNotListThem":         TestImportingManyNewEventsDoesNotListThem,
	"TestImportingNamesWhatItChangesAndRemoves":         TestImportingNamesWhatItChangesAndRemoves,
	"TestALargeFileIsImportedAndRestored":               TestALargeFileIsImportedAndRestored,
	"TestRestoringABrokenFileSaysWhatWasSetAside":       TestRestoringABrokenFileSaysWhatWasSetAside,
	"TestRestoringAnEmptyFileMakesTheCalendar":          TestRestoringAnEmptyFileMakesTheCalendar,
	"TestJobs":                            TestJobs,
	"TestProvingToOthers":                 TestProvingToOthers,
	"TestARestoreShowsWhatItWouldDoFirst": TestARestoreShowsWhatItWouldDoFirst,
	"TestWhatAnActionAsksIsDecided":       TestWhatAnActionAsksIsDecided,
	"TestTheRecordIsCorrected":            TestTheRecordIsCorrected,
	"TestASeriesAndFieldsAreDecided":      TestASeriesAndFieldsAreDecided,
	"TestAFileIsRestored":                 TestAFileIsRestored,
	"TestUsers":                           TestUsers,
	"TestLogin":                           TestLogin,
	"TestLogout":                          TestLogout,
	"TestTokens":                          TestTokens,
	"TestTokensAreForOneServer":           TestTokensAreForOneServer,
	"TestFixedToken":                      TestFixedToken,
	"TestRulesAreWrittenTriedAndFollowed": TestRulesAreWrittenTriedAndFollowed,
	"TestRulesThatMakeNoSenseAreRefused":  TestRulesThatMakeNoSenseAreRefused,
	"TestATimesheetFromDraftToInvoice":    TestATimesheetFromDraftToInvoice,
	"TestASourceThatChangesAfterTheLockIsOnTheNextTimesheet": TestASourceThatChangesAfterTheLockIsOnTheNextTimesheet,
}

// The tests that do not, and why.
const (
	noServer   = "asks no server"
	thisServer = "is about the server of this machine"
	thisData   = "is about the data folder, or changes what is in it"
	process    = "is about a process that does the work itself"
	itself     = "is the second time itself"
	sameRoutes = "asks what others ask there, by the same routes"
	many       = "starts more runs in a minute than a user may there"
	signInOnly = "is about how the sign-in service behaves, and asks a server of its own"
)

var onlyHere = map[string]string{
	"TestCommandLinesRunSideBySide":         "help needs no server",
	"TestDoctorLooksAtTenantsThatWereAdded": signInOnly, "TestTenants": "changes who is let in, which the others rely on",
	"TestMailAgain":     "has e-mail come back, which the tests of functions do with SES's events",
	"TestPlanFromFiles": noServer, "TestPlanFromFilesWithDecisions": noServer, "TestWordsThatMakeNoSense": noServer, "TestHelp": noServer,
	"TestAPlanExcludesWhatCannotBeRead": noServer, "TestPrintable": noServer, "TestTablesWriteOutWhatHidesAndJSONDoesNot": noServer,
	"TestAListNamesTheAppointmentsOfAnAction": noServer, "TestYAMLWrittenItemByItemIsThatOfTheWhole": noServer,
	"TestPrintedCommandsStartTheProgramAsItWasStarted": noServer, "TestCommandsArePrintedAsTheyCanBeTyped": noServer,
	"TestLanding": noServer, "TestAPIAddress": noServer, "TestAFileThatIsElsewhereIsFetchedWithoutTheToken": noServer,
	"TestALargeFileGoesElsewhereWithoutTheToken": noServer,
	"TestServe": thisServer, "TestServerIsNotHeldUp": thisServer, "TestTheLocalServerAsksWhoYouAre": thisServer,
	"TestAKeyOfAServerThatWasKilledIsGoodForNothing": thisServer, "TestTheDemoAsksAndIsScheduledOnce": thisServer,
	"TestDataFoldersThatCannotBeUsed": thisData, "TestATamperedLedgerDoesNotHold": thisData,
	"TestADataFolderThatOthersCouldOpenIsTightened": thisData, "TestADataFolderOfAnotherAccountIsRefused": thisData,
	"TestAKilledRunIsCompletedByTheNextOne": process, "TestARestoreThatWasKilledIsGoneOnWith": process,
	"TestARunThatNobodyWaitedForIsCarriedOutByTheNextCommand": process,
	"TestTheCommandLineOnADeployment":                         itself, "TestEveryTestIsForADeploymentToo": itself,
	"TestWhatAGatewayAnswersItselfIsExplained": itself,
	"TestWhatARunAsks":                         sameRoutes, "TestARestoreSaysWhichFieldsItChanges": sameRoutes,
	"TestUndoARunAndThatAndWhatIsLeft": many, "TestWhatAVerificationFindsIsRepairedAdoptedOrLeft": many,
	"TestEveryCommandSaysWhatIsWrongInWordsOfOurs": noServer, "TestNonsenseIsRefusedInWordsOfOurs": sameRoutes, "TestUnknownCommandsAreSaidBeforeFlags": noServer,
	"TestShellsCompleteValues": sameRoutes, "TestCompletionScripts": noServer, // shells are typed into on Linux alone
	"TestApplyKnowsEveryFieldOfTheAPI": noServer,
	"TestErasingYourself":              sameRoutes,
	"TestEachCommandHasAManualPage":    noServer,
	"TestEachSystemIsToldOfTheService": noServer,
	"TestWhatASystemRefusesIsSaid":     noServer,
	"TestWhetherTheServiceRunsIsSeen":  noServer, "TestTheLogOfTheServiceGoesOn": noServer,
	"TestWordsThatMayBeMeant": noServer, "TestTablesLineUpAndLeaveOutFromTheRight": noServer, "TestColoursAndWidthAreAsTheUserWantsThem": noServer,
	"TestSystemdTakesTheUnit":                         noServer,
	"TestLaunchdTakesTheAgent":                        noServer,
	"TestWindowsTakesTheTask":                         noServer,
	"TestTheServiceServesWithTheSettingsThatWereKept": noServer,
	"TestATimeStampIsCheckedOffline":                  noServer,
	"TestACalendarMirrorsAFile":                       sameRoutes, "TestACalendarMirrorsAFolder": noServer,
	"TestSubscriptionsAreInTheDataFolder": thisData, "TestJSONIsTheAPIsOwn": sameRoutes,
	"TestPrintedCommandsWorkAsPrinted": sameRoutes, "TestAnAssistantReadsAndProposes": sameRoutes,
	"TestAGeneratedPythonClientDoesTheMainJob": sameRoutes,
	"TestTranscripts":                          noServer, "TestExamplesOfHelpsAreOfCommandsThatThereAre": noServer,
	"TestCommandsOfTheDocsAreOfCommandsThatThereAre": noServer,
	"TestCellsOfSpreadsheetsAreNoFormulas":           noServer,
	"TestYAMLSaysWhatTheJSONSays":                    noServer, "TestTablesFitTheTerminal": noServer, "TestForms": noServer,
	"TestRunsAreWatchedAndCancelled": sameRoutes,
	"TestTimesheetOfFiles":           noServer, "TestPlanFromFilesWithRules": noServer,
	"TestCtrlCWhereTheProgramItselfCarriesOut": process, "TestCtrlCWhereAServerCarriesOut": thisServer, "TestCtrlCBeforeAServerAnswers": noServer,
	"TestCtrlCAtARestoreAndAnUndo": process,
	"TestWhatANewUserTypes":        sameRoutes, "TestWhyNoServerAnswers": noServer, "TestTheDemoKeepsItsDataApart": thisData,
	"TestAFileThatIsNoTextIsNotForATerminal": noServer, "TestTimesAreOfTheColumnsThatAreShown": noServer, "TestTheHelpBeginsWithTheMainJob": noServer,
	"TestAFieldThatIsWrongIsNamedAsItsFlag": noServer, "TestAnAddressThatIsTaken": thisServer,
	"TestExamplesOfHelpsDoWhatTheySay": sameRoutes,
	"TestAFullDiskIsSaid":              thisData, "TestOutputThatCannotBeWrittenIsAFailure": noServer, "TestWhatGetsInTheWayOfANewUser": sameRoutes,
	"TestASecondCtrlCEndsAtOnce": thisServer, "TestCtrlCAtAQuestion": noServer,
	"TestReview": sameRoutes, // there are terminals on Linux alone
	"TestWordsOfLibrariesAreFoundAndIdsAreNone": noServer,
	"TestDoctor": signInOnly, "TestDoctorLooksAtTheApplicationOfThisMachine": noServer, "TestFlags": signInOnly, "TestLogoutEverywhere": signInOnly,
	"TestTheCommandLineDoesNotNoticeHowTheServiceBehaves": signInOnly, "TestWhatTheCommandLineSaysOfRefusals": signInOnly,
}

// deployment is what the second time runs on.
type deployment struct {
	cloud  *cloudtest.Cloud
	signer *entrasim.Server
	mu     sync.Mutex
	users  []string // who has not been taken
}

// deployed is set while the second time runs.
var deployed *deployment

const deployedTenant = "33333333-3333-4333-8333-333333333333"

// take gives a test a user whom nobody has been before.
func (d *deployment) take() (token string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	user := d.users[0]
	d.users = d.users[1:]
	return d.signer.Token(user)
}

// api starts an API that takes the tokens of another sign-in service, and returns its address.
func (d *deployment) api(t *testing.T, l *entrasim.Listener, tenants []string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(l.URL, "https://"), l.Client.Transport.(*http.Transport).TLSClientConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	file := filepath.Join(t.TempDir(), "sign-in.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: conn.ConnectionState().PeerCertificates[0].Raw})
	if err := os.WriteFile(file, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	return cloudtest.Start(t, d.cloud.Resources, cloudtest.Options{
		Functions: map[string]int{"api": 1},
		Environment: func(_ string, env map[string]string) {
			env["ADMIN_ASSISTANT_SIGN_IN_AUTHORITY"], env["ADMIN_ASSISTANT_SIGN_IN_AUDIENCE"] = l.URL, apiApp
			env["ADMIN_ASSISTANT_SIGN_IN_TENANTS"], env["ADMIN_ASSISTANT_SIGN_IN_CLIENT"] = strings.Join(tenants, ","), cliApp
			env["SSL_CERT_FILE"] = file
		},
	}).URL
}

// ownData leaves out what a test does with the files of the data folder, where it runs on a deployment.
func (m *machine) ownData(t *testing.T) {
	t.Helper()
	if m.token != "" {
		t.Skip("a deployment has no data folder")
	}
}

// server is the version of what answers.
func (m *machine) server() string {
	if m.token != "" {
		return "dev"
	}
	return "1.2.3"
}

func TestTheCommandLineOnADeployment(t *testing.T) {
	d := &deployment{}
	var users []entrasim.User
	for i := range 2 * len(everywhere) {
		id := fmt.Sprintf("44444444-4444-4444-8444-%012d", i)
		d.users = append(d.users, id)
		users = append(users, entrasim.User{Tenant: deployedTenant, Object: id, Name: "Ann", Username: fmt.Sprintf("ann%d@example.com", i), Roles: []string{"admin"}})
	}
	d.signer = entrasim.New(entrasim.Options{Users: users, Apps: []entrasim.App{{Client: apiApp}}})
	resources := cloudtest.NewResources(t)
	const sender = "assistant@example.com"
	_, err := sesv2.NewFromConfig(awstest.Moto(t)).CreateEmailIdentity(t.Context(), &sesv2.CreateEmailIdentityInput{EmailIdentity: new(sender)})
	if err != nil && !strings.Contains(err.Error(), "already exist") {
		t.Fatal(err)
	}
	listener, err := d.signer.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	d.cloud = cloudtest.Start(t, resources, cloudtest.Options{
		Every: 2 * time.Second, Twice: true,
		Environment: func(_ string, env map[string]string) {
			env["ADMIN_ASSISTANT_SIGN_IN_AUTHORITY"], env["ADMIN_ASSISTANT_SIGN_IN_AUDIENCE"] = listener.URL, apiApp
			env["ADMIN_ASSISTANT_SIGN_IN_TENANTS"], env["ADMIN_ASSISTANT_MAIL_FROM"] = deployedTenant, sender
		},
	})
	deployed = d
	defer func() { deployed = nil }()
	for _, name := range slices.Sorted(maps.Keys(everywhere)) {
		t.Run(name, everywhere[name])
	}
	if n := d.cloud.Dropped(); n > 0 {
		t.Errorf("%d messages came round too often", n)
	}
}

// TestEveryTestIsForADeploymentToo demands that each test of the command line runs the second time, or says why not.
func TestEveryTestIsForADeploymentToo(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range tree.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Test") || f.Name.Name == "TestMain" {
				continue
			}
			if (everywhere[f.Name.Name] != nil) == (onlyHere[f.Name.Name] != "") {
				t.Errorf("%s runs on a deployment, or does not: it has to be one of everywhere or of onlyHere", f.Name.Name)
			}
		}
	}
}

// slow is a function that does not answer in time, or fails.
type slow struct{ fails bool }

func (s slow) InvokeFrom(ctx context.Context, _ string, payload []byte) (lambdatest.Answer, error) {
	switch {
	case s.fails:
		return lambdatest.Answer{}, errors.New("it crashed")
	case len(payload) > 6<<20:
		return lambdatest.Answer{}, lambdatest.ErrTooLarge
	}
	<-ctx.Done()
	return lambdatest.Answer{}, ctx.Err()
}

func TestWhatAGatewayAnswersItselfIsExplained(t *testing.T) {
	m := newMachine(t)
	large := strings.NewReader(strings.Repeat("x", 5<<20))
	for name, c := range map[string]struct {
		gateway cloudtest.Gateway
		in      request
		says    string
	}{
		"413": {cloudtest.Gateway{Function: slow{}}, request{method: "POST", path: "/v1/uploads", file: large}, "split it"},
		"429": {cloudtest.Gateway{Limit: func() bool { return true }}, request{method: "GET", path: "/v1/me"}, "try again in a moment"},
		"431": {cloudtest.Gateway{}, request{method: "GET", path: "/" + strings.Repeat("x", cloudtest.MaxHeader)}, "longer than it takes"},
		"500": {cloudtest.Gateway{Function: slow{fails: true}}, request{method: "GET", path: "/v1/me"}, "it failed"},
		"503": {cloudtest.Gateway{Function: slow{}, Within: time.Millisecond}, request{method: "GET", path: "/v1/me"}, "within half a minute"},
	} {
		t.Run(name, func(t *testing.T) {
			m.t = t
			server := httptest.NewServer(&c.gateway)
			defer server.Close()
			api, err := newClient(server.URL, http.DefaultTransport)
			if err != nil {
				t.Fatal(err)
			}
			_, err = api.do(t.Context(), c.in, nil)
			var failure *apiError
			if !errors.As(err, &failure) || fmt.Sprint(failure.Status) != name || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
		})
	}
}
